"""The demo site and a listing in Chromium."""

import glob
import os
import pathlib
import shutil
import site
import sys

import pytest

import program
import tree

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def environment():
    """The folder of the virtual environment that holds playwright."""
    cache = os.environ.get("SLUICE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sluice")
    return pathlib.Path(os.environ.get("SLUICE_VENV") or os.path.join(cache, "venv"))


@pytest.fixture(scope="module")
def browser():
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    packages = glob.glob(str(environment() / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"))
    if packages:
        site.addsitedir(packages[0])
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        pytest.skip(f"no playwright in {environment()}: {error}")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


class watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, browser):
        self.page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        self.problems, self.statuses = [], []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", lambda answer: self.statuses.append((answer.status, answer.url)))

    def _console(self, message):
        # Chromium asks for /favicon.ico by itself, whatever the page says.
        icon = message.location.get("url", "").endswith("/favicon.ico")
        if message.type in ("error", "warning") and not icon:
            self.problems.append(message.text)

    def _failed(self, request):
        # A player gives up a response when it wants another range of the same file.
        if request.resource_type != "media" or "ABORTED" not in request.failure:
            self.problems.append(f"{request.url}: {request.failure}")

    def went_well(self):
        assert not self.problems, self.problems
        bad = [pair for pair in self.statuses if pair[0] >= 400 and not pair[1].endswith("/favicon.ico")]
        assert not bad, bad


@pytest.fixture
def view(browser):
    made = watched(browser)
    yield made
    made.page.context.close()


@pytest.fixture
def demo(serve, root):
    """A copy of the demo site, with the large file that script/server makes for it."""
    if not (program.TREE / "demo").is_dir():
        pytest.skip("the tree has no demo site")
    shutil.copytree(program.TREE / "demo", root, dirs_exist_ok=True)
    tree.write(root, "files/large/64-mebibytes.bin", tree.content(1 << 20))
    return serve(root, listing=True)


def test_demo_site(view, demo, folder):
    answer = view.page.goto(demo.url + "/", wait_until="networkidle")
    assert answer.status == 200
    view.went_well()
    shot = folder / "demo.png"
    view.page.screenshot(path=str(shot))
    assert shot.stat().st_size > 5000
    assert view.page.title()


def test_every_page_of_the_demo_site(view, demo):
    view.page.goto(demo.url + "/", wait_until="networkidle")
    links = view.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
    own = sorted({link.split("#")[0] for link in links if link.startswith(demo.url + "/")})
    assert own, "the demo links to its own pages"
    for link in own:
        answer = view.page.request.get(link)
        missing = link.endswith("/no-such-page")  # shows the error page
        assert answer.status == (404 if missing else 200), link
        if not missing and "html" in answer.headers["content-type"]:
            view.page.goto(link, wait_until="networkidle")
    view.went_well()


@pytest.fixture
def listing(serve, root):
    tree.write(root, "b-small.txt", "small", tree.OLD)
    tree.write(root, "a-large.txt", "large " * 10_000, tree.OLD + 100)
    tree.write(root, "c-middle.txt", "middle " * 100, tree.OLD + 50)
    tree.write(root, "two words <&>.txt", "odd name", tree.OLD + 20)
    tree.write(root, "folder/inner.txt", "inner", tree.OLD)
    tree.write(root, "sound.wav", wave(20), tree.OLD)
    tree.write(root, "player.html", '<!doctype html><title>player</title><link rel="icon" href="data:,">'
               '<audio src="sound.wav" preload="metadata"></audio>')
    return serve(root, listing=True)


def wave(seconds):
    """Silence of 8 kHz, 16 bits, mono."""
    samples = b"\0\0" * 8000 * seconds
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + b"\1\0\1\0" + (8000).to_bytes(4, "little") \
        + (16000).to_bytes(4, "little") + b"\2\0\x10\0data" + len(samples).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(samples)).to_bytes(4, "little") + head + samples


def names(page):
    """The names of the listing in the order of their rows."""
    return [text.strip() for text in page.locator("a").all_inner_texts() if text.strip().endswith((".txt", ".wav", ".html"))]


def test_listing_opens_sorts_and_leads_to_a_file(view, listing, folder):
    page = view.page
    page.goto(listing.url + "/", wait_until="networkidle")
    view.went_well()
    first = names(page)
    assert set(first) == {"b-small.txt", "a-large.txt", "c-middle.txt", "two words <&>.txt", "sound.wav", "player.html"}
    assert first == sorted(first)
    header = page.locator("th", has_text="Size").first
    (header.locator("a, button").first if header.locator("a, button").count() else header).click()
    page.wait_for_load_state("networkidle")
    sorted_by_size = names(page)
    if sorted_by_size[0] != "b-small.txt":  # largest first is fine too
        sorted_by_size.reverse()
    order = [name for name in sorted_by_size if name in ("b-small.txt", "c-middle.txt", "a-large.txt")]
    assert order == ["b-small.txt", "c-middle.txt", "a-large.txt"]
    page.screenshot(path=str(folder / "listing.png"))
    page.locator("a", has_text="two words").first.click()
    page.wait_for_load_state("networkidle")
    assert "odd name" in page.content()
    page.go_back()
    page.locator("a", has_text="folder").first.click()
    page.wait_for_load_state("networkidle")
    assert names(page) == ["inner.txt"]
    page.locator("a", has_text="inner.txt").first.click()
    page.wait_for_load_state("networkidle")
    assert "inner" in page.content()
    view.went_well()


def test_seeking_in_a_sound_uses_ranges(view, listing):
    page = view.page
    page.goto(listing.url + "/player.html")
    page.wait_for_function("document.querySelector('audio').duration > 19")
    assert page.evaluate("""() => new Promise(done => {
        const sound = document.querySelector('audio');
        sound.onseeked = () => done(sound.currentTime);
        sound.currentTime = 15;
    })""") == 15
    assert any(status == 206 for status, url in view.statuses if url.endswith(".wav"))
    view.went_well()


def test_fetch_with_a_range(view, listing):
    page = view.page
    page.goto(listing.url + "/player.html")
    got = page.evaluate("""async () => {
        const answer = await fetch('a-large.txt', {headers: {Range: 'bytes=6-10'}});
        return [answer.status, answer.headers.get('content-range'), await answer.text()];
    }""")
    assert got == [206, "bytes 6-10/60000", "large"]
    view.went_well()


def test_reload_is_answered_from_the_browser_cache(view, listing):
    page = view.page
    page.goto(listing.url + "/player.html")
    statuses = page.evaluate("""async () => {
        const seen = [];
        for (let turn = 0; turn < 2; ++turn) {
            const answer = await fetch('b-small.txt', {cache: 'no-cache'});
            seen.push([answer.status, await answer.text()]);
        }
        return seen;
    }""")
    assert statuses == [[200, "small"], [200, "small"]]
    view.went_well()


def test_cross_origin_fetch(view, serve, root, listing):
    tree.write(root, "shared.json", '{"shared": true}')
    open_one, closed_one = serve(root, cors="*"), serve(root)
    view.page.goto(listing.url + "/player.html")
    ask = "async url => { try { return (await (await fetch(url)).json()).shared } catch { return 'refused' } }"
    assert view.page.evaluate(ask, open_one.url + "/shared.json") is True
    assert view.page.evaluate(ask, closed_one.url + "/shared.json") == "refused"
