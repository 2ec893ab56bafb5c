"""The containers of the demo: programs of a stage, packed as the small archives that stages name."""

from __future__ import annotations

import gzip
import importlib.util
import io
import tarfile
from pathlib import Path

from core.archive import leftovers
from core.services.definitions import DefinitionDraft, StageDraft

_HERE = Path(__file__).parent
_PYTEST_PARTS = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")

DEFINITIONS = (
    DefinitionDraft(
        definition_name="G-code",
        definition_description="Revisa cada línea y los límites de la impresora; calcula recorrido y tiempo.",
        stages=(
            StageDraft(
                stage_name="PARSING",
                stage_description="Cada línea es G-code válido y cabe en la impresora",
                container_name="gcode",
                container_filename="gcode.tar.gz",
                run_command="python3 /image/parse.py",
                routing_key="pass",
                timeout_seconds=60,
                is_trusted=True,
            ),
            StageDraft(
                stage_name="EXECUTION",
                stage_description="Longitud del recorrido, tiempo y tamaño",
                container_name="gcode",
                container_filename="gcode.tar.gz",
                run_command="python3 /image/simulate.py",
                routing_key="gcode-execution",
                timeout_seconds=120,
                is_trusted=True,
            ),
        ),
        is_demo=True,
    ),
    DefinitionDraft(
        definition_name="Cypress",
        definition_description="Analiza configuración y pruebas de Cypress sin abrir un navegador.",
        stages=(
            StageDraft(
                stage_name="PARSING",
                stage_description="Configuración y archivos de prueba legibles",
                container_name="cypress",
                container_filename="cypress.tar.gz",
                run_command="python3 /image/parse.py",
                routing_key="cypress-grammar",
                timeout_seconds=60,
                is_trusted=True,
            ),
            StageDraft(
                stage_name="EXECUTION",
                stage_description="Cada archivo contiene pruebas que pueden cumplirse",
                container_name="cypress",
                container_filename="cypress.tar.gz",
                run_command="python3 /image/check.py",
                routing_key="cypress-execution",
                timeout_seconds=120,
                is_trusted=True,
            ),
        ),
        is_demo=True,
    ),
    DefinitionDraft(
        definition_name="Python tests",
        definition_description="Ejecuta pytest sobre la entrega, aislado y sin red.",
        stages=(
            StageDraft(
                stage_name="PARSING",
                stage_description="Hay pruebas y todo el código compila",
                container_name="pytest",
                container_filename="pytest.tar.gz",
                run_command="python3 /image/parse.py",
                routing_key="pass",
                timeout_seconds=60,
                is_trusted=True,
            ),
            StageDraft(
                stage_name="EXECUTION",
                stage_description="pytest",
                container_name="pytest",
                container_filename="pytest.tar.gz",
                run_command="python3 /image/run.py",
                routing_key="skip",
                timeout_seconds=120,
            ),
        ),
        is_demo=True,
    ),
)
"""What the demo's professor has set up. Nodes of the orchestrator know each of the routing keys, too."""


def build(name: str) -> bytes:
    """The image `gcode`, `cypress` or `pytest` as a gzipped tar, the same bytes each time."""
    files = {path.name: path for path in sorted((_HERE / name).glob("*.py"))}
    files["leftovers.py"] = Path(leftovers.__file__)
    if name == "pytest":
        files |= _pytest_files()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for inside in sorted(files):
            content = files[inside].read_bytes()
            entry = tarfile.TarInfo(inside)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _pytest_files() -> dict[str, Path]:
    """Pytest and the pure Python packages that it needs, from this environment."""
    files: dict[str, Path] = {}
    for package in _PYTEST_PARTS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(package)
        root = Path(spec.origin).parent
        for path in root.rglob("*.py"):
            files[f"packages/{package}/{path.relative_to(root).as_posix()}"] = path
    single = importlib.util.find_spec("py")
    if single is not None and single.origin is not None:
        files["packages/py.py"] = Path(single.origin)
    return files
