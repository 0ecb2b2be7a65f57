# A CPU image with both commands, for trying out and for small collections. Not tested on every platform.
#
#   docker build -t biomedvr .
#   docker run --rm -v "$PWD:/collections" biomedvr vr train --dataset my-images/ --method linear-probe --backbone mini
#
# For GPUs, build with --build-arg TORCH=auto on a machine that has one; see uv's --torch-backend for other values.
FROM python:3.12-slim

ARG TORCH=cpu
COPY . /src
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --torch-backend "$TORCH" -c /src/constraints.txt \
        '/src[biomedclip,dicom,parquet,hub]' \
    && rm -rf /src

# Outputs belong to whoever runs it: docker run --user "$(id -u):$(id -g)".
WORKDIR /collections
ENV HF_HOME=/collections/cache/huggingface
CMD ["vr", "--help"]
