"""What the image's build leaves out, what it must not have lost, and what it compiles.

Run by the Dockerfile: `packages` cuts the packages down, `check` refuses what is not ours or does not work, `compile`
writes byte code, and `root <folder>` collects what of the base a Python program needs.
"""

import gzip
import importlib
import importlib.util
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

OURS = ("api", "tasks", "auth", "storage")
ROLES = (
    *("api.serve", "api.cli.main", "api.cli.doctor", "tasks.worker", "tasks.tools", "tasks.flower.program"),
    # When traces are asked for.
    "storage.span_export",
)
SITE = Path(sysconfig.get_path("purelib"))
STDLIB = Path(sysconfig.get_path("stdlib"))

UNUSED = (
    "PIL/_avif*",
    "pillow.libs/libavif*",
    "matplotlib/mpl-data/sample_data",
    "matplotlib/mpl-data/fonts/afm",
    "matplotlib/mpl-data/fonts/pdfcorefonts",
    "mpl_toolkits",
    "numpy/f2py",
    "numpy/distutils",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/_core/_simd*",
    "numpy/_core/*_tests.*",
    "numpy/random/lib",
)
"""Parts of packages that pictures in PNG do without. `check` draws one."""
FONTTOOLS_KEEPS = ("__init__.py", "agl.py", "misc")
"""What matplotlib imports; it writes PDF and PostScript with the rest."""
FAKER_KEEPS = "en_US"
"""The locale that Faker begins with; the others are 12 MB that nobody asks Litestar's examples for."""
SOURCES = ("*.pyi", "*.pyx", "*.pxd", "*.a", "*.h")
STDLIB_UNUSED = ("config-*", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tkinter")
BASE = (
    "bin",
    "lib",
    "lib64",
    "sbin",
    "etc/debian_version",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/os-release",
    "etc/passwd",
    "etc/ssl",
    "usr/lib/os-release",
    "usr/lib/ssl",
    "usr/share/ca-certificates",
    "var/lib/dpkg/status",
)
"""What a program finds by name, not by linking; links stay links. Scanners read /var/lib/dpkg/status."""


def remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def packages() -> None:
    """Leave out tests, sources and debug symbols of what is installed; pack what is read packed."""
    remove(path for pattern in UNUSED for path in SITE.glob(pattern))
    remove(path for path in (SITE / "fontTools").iterdir() if path.name not in FONTTOOLS_KEEPS)
    remove(path for path in (SITE / "faker" / "providers").rglob("??_??") if path.name != FAKER_KEEPS)
    remove(path for name in ("tests", "test") for path in SITE.glob(f"*/**/{name}") if path.is_dir())
    remove(path for pattern in SOURCES for path in SITE.rglob(pattern))
    for library in SITE.rglob("*.so*"):
        # Libraries that auditwheel has laid out anew (`*.libs`) do not always survive it.
        if library.is_file() and not library.parent.name.endswith(".libs"):
            subprocess.run(["/usr/bin/strip", "--strip-unneeded", str(library)], check=True)
    for model in (SITE / "botocore" / "data").rglob("*.json"):
        # botocore reads either.
        model.with_suffix(".json.gz").write_bytes(gzip.compress(model.read_bytes(), mtime=0))
        model.unlink()


def check() -> None:
    """Refuse an image whose packages are not ours (ADR 0001), or that has lost what a role needs."""
    for name in OURS:
        spec = importlib.util.find_spec(name)
        if spec is None or not (spec.origin or "").startswith(sys.prefix):
            sys.exit(f"{name} is not ours: {spec}")
    load()
    importlib.import_module("boto3").client("ecs", region_name="us-east-1")
    picture = importlib.import_module("tasks.tools.ecs.picture").picture
    if not picture({"start": 0, "end": 60_000, "series": [], "markers": []}, title="Trim").startswith(b"\x89PNG"):
        sys.exit("a picture is no PNG")


def load() -> None:
    """Import what the roles import when they start."""
    for name in ROLES:
        importlib.import_module(name)


def compile_loaded() -> None:
    """Write byte code for what the roles load when they start, which no clock makes stale (PEP 552, unchecked).

    All of it would be 20 MB more, half of that for the first picture of a worker.
    """
    remove(path for folder in (STDLIB, SITE) for path in folder.rglob("__pycache__"))
    load()
    for module in list(sys.modules.values()):
        source = getattr(module, "__file__", None)
        if source and source.endswith(".py") and module.__name__ != "__main__":
            py_compile.compile(source, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def root(folder: str) -> None:
    """Copy to *folder* the interpreter, its library, what both and the packages link to, and BASE."""
    target = Path(folder)
    remove(path for pattern in STDLIB_UNUSED for path in STDLIB.glob(pattern))
    interpreter = Path(sys.executable).resolve()
    loaded = [interpreter, *STDLIB.rglob("*.so"), *SITE.rglob("*.so*")]
    for name in BASE:
        copy(Path("/", name), target)
    for path in {STDLIB, *links(Path(sys.executable)), *linked(loaded)}:
        copy(path, target)


def links(path: Path) -> Iterator[Path]:
    """*path* and what it leads to, link by link, but for what the application has of its own."""
    while True:
        if not path.is_relative_to(sys.prefix):
            yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def linked(programs: Iterable[Path]) -> Iterator[Path]:
    """The shared libraries of the base that *programs* need, the links to them included."""
    command = ["ldd", *map(str, programs)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for found in set(re.findall(r"(/\S+) \(0x", listing)):
        yield from links(Path(found))


def copy(path: Path, target: Path) -> None:
    """Copy *path* to its place below *target*, where folders may be links (/lib is one to /usr/lib)."""
    path = path.parent.resolve() / path.name
    place = target / path.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() or place.is_symlink():
        return
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, place, symlinks=True)
    elif path.exists() or path.is_symlink():
        shutil.copy2(path, place, follow_symlinks=False)


STEPS: dict[str, Callable[..., None]] = {"packages": packages, "check": check, "compile": compile_loaded, "root": root}

if __name__ == "__main__":
    STEPS[sys.argv[1]](*sys.argv[2:])
