# A CPU image with both commands, for trying out and for small collections. Not tested on every platform.
#
#   docker build -t biomedvr .
#   docker run --rm -v "$PWD:/work" biomedvr vr train --dataset my-images/ --method linear-probe --backbone mini
#
# For GPUs, start from an image with CUDA and install torch for it before the line that installs the program.
FROM python:3.12-slim

COPY . /src
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch torchvision \
    && pip install --no-cache-dir '/src[biomedclip,dicom,parquet,hub]' \
    && rm -rf /src

# Outputs belong to whoever runs it: docker run --user "$(id -u):$(id -g)".
WORKDIR /work
ENV HF_HOME=/work/cache/huggingface
CMD ["vr", "--help"]
