"""The phone page in a real browser: what it says, how fast, and what when something fails."""

import base64
import contextlib
import functools
import gzip
import http.server
import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image
from playwright import sync_api
from playwright.sync_api import expect

import filming
from course_lib import leaves
from course_lib.images import out_of_distribution, photos
from course_lib.phone import leaf_cards, page_models, page_runtime, serving
from course_lib.units import in_words
from page_fixture import BYTES, CHROMIUM, QUIET, SEED, as_rgba, build, until, with_header

INSECURE = "plants.test"  # a name that leads to this machine, and is no secure address
RULE = {"temperature": 1, "probability": 0.5, "evidence": 0}
PARTS = ("capture", "preparation", "network")
slow = pytest.mark.slow


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The page's folder."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's package chromium to run the browser tests")
    if not page_runtime.available():
        pytest.skip("no onnxruntime-web here: `python -m course_lib.phone.page_runtime` fetches it")
    return build(tmp_path_factory.mktemp("site") / "page")


@pytest.fixture(scope="module")
def server(built):
    with serving.serve(built, port=0) as served:
        yield served


@pytest.fixture(scope="module")
def cards():
    """The pictures of printed cards, one a species, and their names."""
    pictures, labels = leaf_cards.pictures(specimens=1)
    return pictures, [leaves.SPECIES[label].name for label in labels]


@pytest.fixture(scope="module")
def film(cards, tmp_path_factory):
    path = filming.film(tmp_path_factory.mktemp("film") / "cards.y4m", cards[0])
    yield path
    path.unlink()  # it is large


@pytest.fixture(scope="module")
def chromium(built):
    """Starts a browser with some more flags, each kind once."""
    with sync_api.sync_playwright() as started, contextlib.ExitStack() as opened:

        @functools.cache
        def launch(*flags, program=CHROMIUM):
            browser = started.chromium.launch(executable_path=program, args=[*QUIET, *flags])
            opened.callback(browser.close)
            return browser

        yield launch


@pytest.fixture(scope="module")
def filming_browser(chromium, film):
    """A browser whose camera plays the film."""
    return chromium(
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}",
        f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1",
    )  # fmt: skip


@pytest.fixture
def visit(request, server):
    """Opens the page in a fresh profile, and fails the test for an error of the page's own."""
    with contextlib.ExitStack() as opened:

        def go(browser=None, path="", route=None, wait=True, address=server.address, **options):
            browser = browser or request.getfixturevalue("chromium")()
            size = {"width": 360, "height": 740}
            settings = {"viewport": size, "service_workers": "block"} | options
            context = browser.new_context(**settings)
            opened.callback(context.close)
            page = context.new_page()
            problems = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            opened.callback(lambda: check(problems))
            for pattern, handler in (route or {}).items():
                page.route(pattern, handler)
            page.goto(address + path)
            if wait:
                page.evaluate("plantApp.ready.then(() => null)")
            return page

        def check(problems):
            assert not problems, problems

        yield go


@pytest.fixture
def live(visit, filming_browser):
    """The page with the camera on."""

    def go(**options):
        page = visit(filming_browser, permissions=["camera"], **options)
        page.get_by_role("button", name="Use the camera").click()
        until(
            page,
            "plantApp.statistics().source === 'camera' && plantApp.statistics().after?.frames > 5",
        )
        return page

    return go


def name(page):
    return page.locator("#name")


def notice(page):
    return page.get_by_role("alert")


# What it does


@pytest.mark.long
def test_a_sample_is_named_at_once(visit, built):
    page = visit()
    expect(page.get_by_role("link", name="Leaf cards to print")).to_have_attribute(
        "href", "cards.pdf"
    )
    first = json.loads((built / "models.json").read_text())["modes"][0]["samples"][0]
    expect(name(page)).to_have_text(first["label"])
    assert page.locator("#likely li").count() == 3
    page.get_by_role("button", name="Sample 5").click()
    fifth = json.loads((built / "models.json").read_text())["modes"][0]["samples"][4]
    expect(page.locator("#aside")).to_contain_text("sure")
    expect(name(page)).to_have_text(fifth["label"])


@pytest.mark.long
def test_before_and_after_have_their_figures(visit):
    page = visit()
    figures = until(page, "{ const s = plantApp.statistics(); s.before && s.after && s }")
    for role in ("before", "after"):
        for part in ("capture", "preparation", "network", "whole"):
            assert 0 <= figures[role][part]["median"] <= figures[role][part]["p90"]
        whole = figures[role]["whole"]["median"]
        assert whole >= figures[role]["network"]["median"] > 0
    expect(page.locator("#gains")).to_contain_text("faster network")
    expect(page.locator("#gains")).to_contain_text("436x smaller file")
    expect(page.locator("#bars")).to_contain_text("Original")
    compressed = page.locator("#big").inner_text()
    page.get_by_role("radio", name="Original").check()
    until(page, f"document.querySelector('#big').textContent !== {json.dumps(compressed)}")
    page.get_by_text("All figures").click()
    table = page.get_by_role("table")
    for text in (
        "4.6 MB",
        "10.6 kB",
        "Network, ms",
        "Preparation, ms",
        "Capture, ms",
        "32 million",
    ):
        expect(table).to_contain_text(text)
    expect(page.locator("#charge")).to_contain_text("identifications per battery charge (estimate")


@slow
@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize(
    ("width", "height"),
    [(640, 480), (480, 640), (641, 479), (64, 64), (65, 64), (33, 47), (1001, 333), (301, 999),
     (360, 640), (1, 50), (1500, 1001)],
)  # fmt: skip
def test_preparation_is_pils(page_once, width, height, size):
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(noise[:8, :8]).resize((width, height)))
    for picture in (noise, smooth, noise // 128 * 255):
        found = page_once.evaluate(
            f"""async ([text, width, height, size]) => {{
                const pixels = ({BYTES})(text);
                const picture = new ImageData(pixels, width, height);
                const small = await plantApp.prepare(picture, size);
                return btoa(small.reduce((text, byte) => text + String.fromCharCode(byte), ""));
            }}""",
            [as_rgba(picture), width, height, size],
        )
        wanted = photos.square(Image.fromarray(picture), size).astype(int)
        seen = np.frombuffer(base64.b64decode(found), np.uint8).reshape(wanted.shape)
        assert np.abs(seen - wanted).max() <= 1


@pytest.fixture(scope="module")
def page_once(chromium, server):
    """One page for tests that change nothing on it."""
    page = chromium().new_page()
    page.goto(server.address)
    page.evaluate("plantApp.ready.then(() => null)")
    yield page
    page.close()


@slow
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_chosen_photo_is_seen_as_python_sees_it(visit, tmp_path, mode):
    picture, _ = leaves.render(1, SEED + 3, size=250, workers=1)
    image = Image.fromarray(np.pad(picture[0], ((0, 0), (41, 30), (0, 0)), mode="reflect"))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    else:
        image = image.convert(mode)
    image.save(tmp_path / "photo.png")
    page = visit()
    page.get_by_label("Photo from this device").set_input_files(tmp_path / "photo.png")
    expect(page.locator("#chip")).to_have_text("Photo")
    until(page, "document.querySelector('#answer').dataset.sure !== 'wait'")
    page.wait_for_timeout(300)
    seen = page.evaluate("""() => {
        const context = document.querySelector("#seen").getContext("2d");
        return Array.from(context.getImageData(0, 0, 64, 64).data);
    }""")
    found = np.array(seen).reshape(64, 64, 4)[..., :3]
    wanted = photos.decode(tmp_path / "photo.png", 64).astype(int)
    # Clear parts are laid on white before, not after, they are made smaller: one step more.
    assert np.abs(found - wanted).max() <= (2 if mode == "RGBA" else 1)


@slow
@pytest.mark.parametrize(("role", "count"), [("after", 500), ("before", 200)])
def test_page_and_python_agree(page_once, built, role, count):
    model = page_models.load(built / "models" / f"leaves-{role}.plants")
    pictures, _ = leaves.render(count, SEED, workers=1)
    found = identified(page_once, pictures, role)
    labels, sure = python_answers(model, pictures)
    same = np.array([answer["label"] for answer in found]) == np.array(model.classes)[labels]
    assert same.mean() >= 0.995
    assert (np.array([answer["sure"] for answer in found]) == sure).mean() >= 0.98


@slow
def test_the_page_is_as_unsure_of_other_things_as_python(page_once, built):
    model = page_models.load(built / "models" / "leaves-after.plants")
    pixels = out_of_distribution.others("judge", 20).pixels.numpy()
    pictures = pixels.transpose(0, 2, 3, 1)
    found = np.array([answer["sure"] for answer in identified(page_once, pictures, "after")])
    _, sure = python_answers(model, pictures)
    assert (found == sure).mean() >= 0.97
    assert found.mean() <= 0.2


def identified(page, pictures, role):
    """The page's answers to pictures (n, 64, 64, 3), sent by fifties."""
    found = []
    for start in range(0, len(pictures), 50):
        found += page.evaluate(
            f"""async ([text, role]) => {{
                const pixels = ({BYTES})(text);
                const answers = [];
                for (let at = 0; at < pixels.length; at += 64 * 64 * 4) {{
                    const one = pixels.slice(at, at + 64 * 64 * 4);
                    answers.push(await plantApp.identify(one, 64, 64, role));
                }}
                return answers;
            }}""",
            [as_rgba(pictures[start : start + 50]), role],
        )
    return found


def python_answers(model, pictures):
    import torch

    images = model.normalisation(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))
    views = torch.stack([
        torch.cat([model.network(image[None].rot90(turn, (2, 3))) for image in images])
        for turn in range(model.unsure.turns)
    ])  # fmt: skip
    labels, sure = model.unsure.decide(views)
    return labels.numpy(), sure.numpy()


@slow
def test_filmed_cards_are_named(visit, filming_browser, cards):
    page = visit(filming_browser, permissions=["camera"])
    # The page asks for the next frame after it has shown its answer to the last one.
    page.evaluate(f"""() => {{
        const read = {filming.READ};
        const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
        window.seen = [];
        HTMLVideoElement.prototype.requestVideoFrameCallback = function (answer) {{
            return ask.call(this, (...given) => {{
                seen.push([read()[0], document.querySelector("#name").textContent]);
                answer(...given);
            }});
        }};
    }}""")
    page.get_by_role("button", name="Use the camera").click()
    _, names = cards
    for _ in range(80):
        page.wait_for_timeout(500)
        said = {card: [] for card in names}
        seen = page.evaluate("seen")
        for i in range(8, len(seen)):
            shown = {picture for picture, _ in seen[i - 8 : i]}  # what the answer was made of
            if len(shown) == 1 and (card := shown.pop()) < len(names):
                said[names[card]].append(seen[i][1])
        if min(map(len, said.values())) >= 15:
            break
    assert min(map(len, said.values())) >= 15
    answers = [(card, name) for card, found in said.items() for name in found]
    named = [(card, name) for card, name in answers if name != "Not sure"]
    right = sum(card == name for card, name in named)
    assert right >= 0.95 * len(named)
    assert right >= 0.7 * len(answers)


@slow
def test_freeze_holds_the_picture_and_lets_go(live):
    page = live()
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#chip")).to_have_text("Frozen")
    held = name(page).inner_text()
    page.wait_for_timeout(1500)
    expect(name(page)).to_have_text(held)
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#chip")).to_have_text("Live")
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator("#chip")).to_have_text("Sample")
    assert page.evaluate("document.querySelector('video').srcObject") is None


@slow
def test_a_tab_in_the_background_pauses(live):
    page = live()
    page.evaluate("""() => {
        window.away = true;
        Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.locator("#chip")).to_have_text("Paused")
    page.wait_for_timeout(300)
    seen = "document.querySelector('#seen').toDataURL()"
    shown = page.evaluate(seen)
    page.wait_for_timeout(1500)
    assert page.evaluate(seen) == shown
    page.evaluate("""() => {
        window.away = false;
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.locator("#chip")).to_have_text("Live")
    until(page, f"{seen} !== {json.dumps(shown)}")


@slow
def test_what_stays_is_read_aloud_once(visit):
    page = visit()
    page.evaluate("""() => {
        window.spoken = [];
        const element = document.querySelector("#spoken");
        const note = () => spoken.push(element.textContent);
        new MutationObserver(note).observe(element, { childList: true });
    }""")
    for number in (1, 2, 3, 4, 5):
        page.get_by_role("button", name=f"Sample {number}:").click()
    page.wait_for_timeout(2500)
    last = name(page).inner_text()
    assert page.evaluate("spoken")[-1:] == [last]
    assert len(page.evaluate("spoken")) <= 2
    assert page.locator("#spoken").get_attribute("aria-live") == "polite"


@slow
def test_the_keyboard_does_it_all(live):
    page = live()
    page.keyboard.press("Space")
    expect(page.locator("#chip")).to_have_text("Frozen")
    page.keyboard.press("Space")
    expect(page.locator("#chip")).to_have_text("Live")
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        now, outlined = page.evaluate("""() => {
            const here = document.activeElement;
            const shown = [here, here.closest("label") ?? here];
            return [
                here.id || here.value || here.tagName,
                shown.some((each) => getComputedStyle(each).outlineStyle !== "none"),
            ];
        }""")
        assert outlined or now in ("BODY", "HTML"), now
        reached.append(now)
    assert {"freeze", "stop", "from-live", "after", "model"} <= set(reached)
    page.get_by_role("radio", name="Compressed").focus()
    page.keyboard.press("ArrowLeft")
    until(page, "plantApp.statistics().before?.frames > 3")


@slow
def test_an_opened_model_says_its_own_names(visit, built, tmp_path):
    own = tmp_path / "own.plants"
    names = [f"Small_seedling_{i}" for i in range(12)]  # as folders are often called
    with_header(
        built / "models" / "leaves-after.plants", own, classes=names, groups=None,
        name="seedlings", about="It knows my seedlings.",
    )  # fmt: skip
    page = visit()
    page.get_by_label("Open my model").set_input_files(own)
    expect(page.locator("#knows")).to_have_text("It knows my seedlings.")
    expect(page.get_by_label("What it should know")).to_have_value("mine")
    expect(page.locator("#switch")).to_be_hidden()
    expect(page.get_by_role("link", name="Leaf cards to print")).to_be_hidden()
    page.get_by_label("Photo from this device").set_input_files(
        built / "samples" / "leaves" / "1.png"
    )
    expect(page.locator("#likely")).to_contain_text("Small seedling ")
    expect(page.locator("main")).not_to_contain_text("_")
    page.get_by_label("What it should know").select_option("Leaf cards")
    expect(page.locator("#knows")).to_contain_text(f"{in_words(len(leaves.SPECIES))} drawn species")
    page.get_by_label("Open my model").set_input_files(
        [own, built / "models" / "leaves-before.plants"]
    )
    expect(page.locator("#switch")).to_be_visible()


@slow
def test_a_link_names_a_model_of_the_same_place(visit, server):
    page = visit(path="#model=models/leaves-before.plants")
    expect(page.locator("#knows")).to_contain_text(f"{in_words(len(leaves.SPECIES))} drawn species")
    expect(page.locator("#switch")).to_be_hidden()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("location.hash = 'model=https://example.org/x.plants'")
    expect(notice(page)).to_contain_text("Download the file")
    assert not [url for url in asked if "example.org" in url]


# What it says when something fails


@slow
def test_no_camera(visit):
    page = visit()
    page.get_by_role("button", name="Use the camera").click()
    expect(notice(page)).to_contain_text("No camera was found")
    expect(name(page)).not_to_have_text("No network to ask")


@slow
def test_camera_refused(visit, filming_browser):
    page = visit(filming_browser)  # without a permission a browser without a window refuses
    page.get_by_role("button", name="Use the camera").click()
    expect(notice(page)).to_contain_text("Allow it for this page")


@slow
def test_camera_taken_away(live):
    page = live()
    page.evaluate(
        "document.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    expect(notice(page)).to_contain_text("The camera was taken away")
    expect(page.get_by_role("button", name="Use the camera")).to_be_visible()
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#chip")).to_have_text("Live")
    expect(notice(page)).to_be_hidden()


@slow
def test_an_insecure_address_takes_photos(visit, filming_browser, built):
    handler = functools.partial(Quiet, directory=built)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as plain:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        page = visit(filming_browser, address=f"http://{INSECURE}:{plain.server_port}/")
        assert not page.evaluate("isSecureContext")
        page.get_by_role("button", name="Use the camera").click()
        expect(notice(page)).to_contain_text("https address")
        page.get_by_label("Photo from this device").set_input_files(
            built / "samples" / "leaves" / "2.png"
        )
        expect(page.locator("#chip")).to_have_text("Photo")
        expect(page.locator("#likely li")).to_have_count(3)
        expect(page.locator("#offline")).to_contain_text("secure address")
        plain.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        pass


def answered(body=b"", status=200):
    return lambda route: route.fulfill(status=status, body=body)


@slow
@pytest.mark.parametrize("kind", [
    "missing", "cut", "network", "later", "bomb", "text", "header", "classes", "logits",
])  # fmt: skip
def test_a_model_file_that_cannot_be_used(visit, built, tmp_path, kind):
    good = built / "models" / "leaves-after.plants"
    packed, whole = good.read_bytes(), gzip.decompress(good.read_bytes())

    def other(**changes):
        return with_header(good, tmp_path / "other.plants", **changes).read_bytes()

    bodies = {
        "missing": (b"", "is missing"),
        "cut": (packed[: len(packed) // 2], "is damaged"),
        "network": (gzip.compress(whole[:-9] + b"x" + whole[-8:]), "is damaged"),
        "later": (other(format=2), "format 2"),
        "bomb": (gzip.compress(bytes(70 * 2**20)), "too large"),
        "text": (b"<!doctype html>", "no model file"),
        "header": (gzip.compress((2**40).to_bytes(8, "little") + b"{}"), "is damaged"),
        "classes": (other(classes=["one"]), "is damaged"),
        "logits": (other(classes=["a", "b"], groups=None, unsure=RULE), "compress"),
    }
    body, words = bodies[kind]
    page = visit(route={"**/leaves-after.plants": answered(body, 200 if body else 404)})
    expect(notice(page)).to_contain_text(words)
    expect(notice(page)).to_contain_text("leaves-after.plants")
    expect(name(page)).to_have_text("No network to ask")


@slow
def test_the_original_alone_is_missing(visit):
    page = visit(route={"**/leaves-before.plants": answered(status=404)})
    expect(notice(page)).to_contain_text("leaves-before.plants is missing")
    expect(page.locator("#switch")).to_be_hidden()
    expect(page.locator("#likely li")).to_have_count(3)


@slow
@pytest.mark.parametrize("file", ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"])
@pytest.mark.parametrize("thread", ["worker", "main"])
def test_the_runtime_is_missing(visit, file, thread):
    page = visit(path=f"?thread={thread}", route={f"**/{file}": answered(status=404)})
    expect(notice(page)).to_contain_text("runtime's files")


@slow
def test_webassembly_is_switched_off(visit, chromium):
    page = visit(chromium("--js-flags=--jitless"))
    expect(notice(page)).to_contain_text("WebAssembly switched off")


@slow
def test_the_list_of_models_is_missing(visit):
    page = visit(route={"**/models.json": answered(status=404)})
    expect(notice(page)).to_contain_text("models.json")
    expect(page.get_by_role("button", name="Reload")).to_be_visible()


@slow
def test_a_picture_that_is_none(visit, tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"no picture")
    page = visit()
    page.get_by_label("Photo from this device").set_input_files(tmp_path / "photo.heic")
    expect(notice(page)).to_contain_text("photo.heic can't be read as a picture")
    page.get_by_role("button", name="Close this message").click()
    expect(notice(page)).to_be_hidden()


@slow
@pytest.mark.parametrize("file", ["leaves.packed", "network.onnx"])
def test_a_file_of_another_kind_is_told_apart(visit, tmp_path, file):
    (tmp_path / file).write_bytes(b"something")
    page = visit()
    page.get_by_label("Open my model").set_input_files(tmp_path / file)
    expect(notice(page)).to_contain_text(file)
    expect(notice(page)).to_contain_text("ends in .plants")
    expect(page.locator("#likely li")).to_have_count(3)


# What holds at all times


@slow
def test_nothing_is_asked_of_anyone_else(live, server):
    page = live(route=None)
    page.reload()
    asked, blocked = [], []
    page.context.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.evaluate("plantApp.ready.then(() => null)")
    page.get_by_role("button", name="Use the camera").click()
    until(
        page,
        "plantApp.statistics().source === 'camera' && plantApp.statistics().after?.frames > 20",
    )
    assert asked
    assert [url for url in asked if not url.startswith((server.address, "blob:", "data:"))] == []
    blocked = page.evaluate("""async () => {
        const refused = [];
        addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
            refused.push(effectiveDirective);
        });
        await fetch("https://example.org/").catch(() => {});
        new Image().src = "https://example.org/x.png";
        await new Promise((go) => setTimeout(go, 300));
        return refused;
    }""")
    assert set(blocked) == {"connect-src", "img-src"}


@slow
def test_it_works_without_a_connection(visit, built):
    served = serving.serve(built, port=0)
    page = visit(address=served.address, service_workers="allow")
    expect(page.locator("#offline")).to_contain_text(
        "without a connection from now on", timeout=30_000
    )
    kept = page.evaluate("""async () => {
        const [name] = (await caches.keys()).filter((key) => key !== "plants-note");
        const kept = await (await caches.open(name)).keys();
        return kept.map(({ url }) => new URL(url).pathname.slice(1));
    }""")
    files = json.loads((built / "models.json").read_text())["files"]
    assert {*files, "", "models.json", "version"} - set(kept) == {"sw.js"}
    served.stop()
    page.reload()
    page.evaluate("plantApp.ready.then(() => null)")
    expect(page.locator("#likely li")).to_have_count(3)
    page.get_by_role("button", name="Sample 3:").click()
    expect(page.locator("#aside")).to_contain_text("right")
    until(page, "plantApp.statistics().before")


@slow
def test_a_new_version_is_offered_and_taken_whole(visit, built, tmp_path):
    folder = tmp_path / "page"
    shutil.copytree(built, folder)
    with serving.serve(folder, port=0) as served:
        page = visit(address=served.address, service_workers="allow")
        expect(page.locator("#offline")).to_contain_text("from now on", timeout=30_000)
        listed = json.loads((folder / "models.json").read_text())
        listed["modes"][0]["samples"] = listed["modes"][0]["samples"][1:]
        listed["built"] = "1"
        (folder / "models.json").write_text(json.dumps(listed))
        text = (folder / "index.html").read_text()
        (folder / "index.html").write_text(text.replace("<title>Plant app", "<title>Newer app"))
        page.reload()
        expect(page.get_by_text("A new version is ready")).to_be_visible(timeout=30_000)
        assert page.title() == "Plant app"
        page.locator("#reload").click()
        expect(page).to_have_title("Newer app")  # asking the page itself may meet its reload
        expect(page.locator("#samples li")).to_have_count(11)
        assert page.evaluate("caches.keys()") == ["plants-note", "plants-1"] or sorted(
            page.evaluate("caches.keys()")
        ) == ["plants-1", "plants-note"]


@slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_an_accessibility_checker_finds_nothing_serious(live, scheme):
    try:
        axe = page_runtime.axe().read_text()
    except (page_runtime.Missing, OSError) as problem:
        pytest.skip(f"no axe-core here: {problem}")
    page = live(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(axe)
    check(page)
    page.get_by_text("All figures").click()
    page.get_by_role("radio", name="Original").check()
    check(page)
    page.get_by_role("button", name="Stop the camera").click()
    page.get_by_label("Open my model").set_input_files(
        {"name": "a.onnx", "mimeType": "", "buffer": b"x"}
    )
    expect(notice(page)).to_be_visible()
    check(page)


def check(page):
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found if each["impact"] in ("serious", "critical")
    ]  # fmt: skip
    assert not serious


@slow
@pytest.mark.parametrize("width", [360, 412, 900, 1280])
def test_nothing_is_wider_than_the_screen(live, built, tmp_path, width):
    page = live(viewport={"width": width, "height": 740})
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.get_by_text("All figures").click()
    page.locator("#known-title").click()
    assert page.evaluate(fits)
    long = [f"Überaus-langer-Name-einer-Pflanze-{i}" * 3 for i in range(12)]
    own = with_header(built / "models" / "leaves-after.plants", tmp_path / "a.plants", classes=long,
                      groups=None, about="Long " * 60)  # fmt: skip
    page.get_by_label("Open my model").set_input_files(own)
    expect(page.locator("#knows")).to_contain_text("Long")
    until(page, "plantApp.statistics().after?.frames > 3")
    assert page.evaluate(fits)


@slow
def test_the_page_is_small(built):
    runtime = sum(path.stat().st_size for path in (built / "runtime").iterdir())
    assert runtime > 10**7
    page = [path for path in built.iterdir() if path.is_file() and path.name != "cards.pdf"]
    assert sum(path.stat().st_size for path in page) < 300_000
    assert (built / "models" / "leaves-after.plants").stat().st_size < 60_000
