"""A script of somebody's own by the name of one of the packages is named, and not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imported(package: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Import the package in a script that lies in the folder, which Python searches first."""
    script = folder / "script.py"
    script.write_text(f"import {package}\nprint({package}.__name__)\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(("package", "shadow"), [("viz", "nn"), ("viz", "autograd_core"), ("nn", "autograd_core")])
def test_what_shadows_a_package_is_named_and_not_run(package: str, shadow: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"{shadow}.py" if kind == "file" else tmp_path / shadow / "__init__.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text("print('was run')\n")
    result = imported(package, tmp_path)
    assert "was run" not in result.stdout
    message = f"ImportError: Python finds {file} in place of the package that {package} was installed with; rename"
    assert result.stderr.splitlines()[-1].startswith(message)


@pytest.mark.parametrize("package", ["viz", "nn"])
def test_a_link_to_the_packages_and_a_folder_of_data_shadow_nothing(package: str, tmp_path: Path) -> None:
    (tmp_path / "autograd_core").symlink_to(ROOT / "autograd_core")
    (tmp_path / "nn").mkdir()  # without __init__.py, as for files of models
    result = imported(package, tmp_path)
    assert (result.stdout, result.stderr) == (f"{package}\n", "")
