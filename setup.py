# SPDX-License-Identifier: Apache-2.0
"""pip's way in: CMake builds the extension and the type stubs, pyproject.toml says the rest."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
VERSION = re.search(r"project\(varo VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)


class CMakeBuild(build_ext):
    def build_extension(self, ext):
        tree = Path(self.build_temp).resolve()
        subprocess.run(
            ["cmake", "-S", str(ROOT), "-B", str(tree), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
             "-DVARO_TESTS=OFF", f"-DPYTHON_EXECUTABLE={sys.executable}"], check=True)
        subprocess.run(["cmake", "--build", str(tree), "--target", "varo_python"], check=True)

        built = tree / "python" / "varo"
        package = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        for pattern in ("_core*.so", "**/*.pyi"):
            for file in built.glob(pattern):
                target = package / file.relative_to(built)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, target)


setup(version=VERSION, ext_modules=[Extension("varo._core", sources=[])], cmdclass={"build_ext": CMakeBuild})
