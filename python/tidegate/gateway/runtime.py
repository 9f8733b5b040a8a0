"""Where ONNX Runtime is: the shared library inside the installed wheel, found without importing the package.

Importing it would load a second copy of the runtime, the one that is linked into its Python module.
"""

from importlib.util import find_spec
from pathlib import Path

from tidegate.errors import GatewayNotStarted

_LIBRARIES = "libonnxruntime.so.*"


def find_onnxruntime() -> Path:
    """The library of the installed `onnxruntime` package.

    Raises:
        GatewayNotStarted: The package is missing, or has no such library.
    """
    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise GatewayNotStarted(("ONNX Runtime is not installed: pip install 'tidegate[serve]'",))
    folder = Path(spec.origin).parent / "capi"
    found = sorted(folder.glob(_LIBRARIES))
    if not found:
        raise GatewayNotStarted((f"{folder} holds no {_LIBRARIES}: install a current onnxruntime wheel",))
    return found[-1]
