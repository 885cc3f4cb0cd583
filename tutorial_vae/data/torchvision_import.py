"""Import torchvision, also beside a torch that its compiled operators do not fit.

torchvision's operators are compiled for one build of torch. Beside another one (a CUDA build of
torchvision and a CPU build of torch, for example) they are not loaded, and importing torchvision
stops with "operator torchvision::nms does not exist", because it describes two operators that
nobody has declared. Data sets and transforms need neither. Declaring the two before the import is
all that it takes; calling them remains an error.
"""

import sys
from types import ModuleType

import torch

_SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def import_torchvision() -> ModuleType:
    """Return the module ``torchvision``, declaring its operators if that is what it lacks.

    Raises:
        ImportError: torchvision is not installed.
        RuntimeError: it cannot be imported for another reason.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if not any(name in str(error) for name in _SCHEMAS):
            raise
        # What a failed import leaves behind would be taken for imported.
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        for name, schema in _SCHEMAS.items():
            torch.library.define(name, schema)
        import torchvision
    return torchvision
