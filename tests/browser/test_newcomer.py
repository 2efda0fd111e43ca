"""A newcomer opens the page of a fresh local network and runs the plate reader on a picture of their own."""

import re

from playwright.sync_api import expect
from purchase import buy_one_run
from visitor import Visitor

from sealgrid.localnet.layout import cache_folder
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene


def test_a_newcomer_runs_the_plate_reader_and_sees_the_plate(visitor: Visitor, tmp_path):
    scene = draw_scene(1007, cache_folder() / "fonts" / "NotoSansSC[wght].ttf")
    (tmp_path / "car.png").write_bytes(scene.png)
    page = visitor.open("/")
    visitor.picture("apps")
    page.get_by_role("link", name="Read licence plates").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read licence plates")
    visitor.picture("app")
    page.get_by_label("Model or data").select_option(label="licence plates · 3 RLC")
    page.get_by_label("Your files").set_input_files(tmp_path / "car.png")
    buy_one_run(page)
    page.wait_for_url(re.compile("/tasks/0x"))
    visitor.picture("task-begins")
    expect(page.get_by_role("heading", name="Your result")).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("All [0-9]+ checks hold"))).to_be_visible()
    assert scene.expected in page.locator("#result").inner_text()
    picture = page.get_by_alt_text("annotated.png, made by the app")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 100
    visitor.picture("task-ended")
    assert visitor.accessibility_faults_everywhere() == []
    page.get_by_role("link", name="the local pool").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the local pool")
    machine = page.locator("#machines tbody tr")
    expect(machine.locator("td").first).to_have_text("worker")
    expect(machine).to_contain_text("100%")
    expect(page.locator("#offers")).to_contain_text("2 RLC")
    visitor.picture("pool")
    assert visitor.accessibility_faults_everywhere() == []
    assert visitor.overflowing_widths() == []
