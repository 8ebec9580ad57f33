"""What a bug report should say about the machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version


def facts() -> dict[str, str]:
    """Versions, machine and shipped models, each checked; no path and no name of a person."""
    import torch

    from glassformer.hub.store import load, shipped

    packages = ("glassformer", "torch", "tokenizers", "safetensors", "numpy", "rich", "cyclopts")
    return {
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        **{name: _version(name) for name in packages},
        "cpu": f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        **{name: _checked(name, load) for name in shipped()},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _checked(name: str, load) -> str:
    from glassformer.errors import GlassformerError
    from glassformer.hub.store import SHIPPED

    try:
        load(name)
    except GlassformerError as error:
        return f"BROKEN: {str(error).replace(f'{SHIPPED}{os.sep}', '')}"
    return "whole, sha256 as saved"
