"""What `import vr` offers: thin functions over what the commands call, and what they return."""

from attrgen.core.errors import UserError
from vr.api.dataset import Dataset, open_dataset
from vr.api.metrics import Metrics
from vr.api.model import Model, evaluate, explain, load, predict
from vr.api.training import train
from vr.explanation.explanation import Explanation
from vr.inference.decision import Prediction

__all__ = [
    "Dataset",
    "Explanation",
    "Metrics",
    "Model",
    "Prediction",
    "UserError",
    "evaluate",
    "explain",
    "load",
    "open_dataset",
    "predict",
    "train",
]
