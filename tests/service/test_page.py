"""The page against the whole service: the facts of a start, what keeps it, and how it looks."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from waker import names
from waker.commands import explain, restore
from waker.demo import kinds
from waker.demo.kinds import Key, key_of
from waker.errors import WakerError
from waker.observe.class_claims import TELLING
from waker.plan.model import Kind
from waker.plan.page_reference import reference_of
from waker.traffic.controllers import TRAEFIK
from waker.web.samples import LOGO

from .scene import BROWSER, MERGE, NEVER, SHOP, ServiceScene, scene

NO_IMAGE = "rpc error: registry.example.org/secret/shop:9 not found"
THEME = '<html><head>{{ page.head }}</head><body class="mine">{{ page.sentence }}</body></html>'


async def shows(it: ServiceScene, text: str) -> str:
    """Look at the page until it shows this."""
    async with asyncio.timeout(10):
        while text not in (page := seen((await it.visit()).body)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    return page


def seen(html: str) -> str:
    """Without what only the script reads: all that it may have to say."""
    return re.sub(r"<script type=.application/json.*?</script>", "", html, flags=re.DOTALL)


async def watchers(it: ServiceScene, count: int) -> None:
    """Wait until so many collections of pods are watched."""
    others = {selector for each in TELLING for selector in each.selectors} - set(TRAEFIK.selectors)
    count += len(others)  # of other ingress controllers
    async with asyncio.timeout(10):
        while it.cluster.api.watchers(kinds.PODS) != count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


async def slow(it: ServiceScene) -> None:
    """Asleep; and from the next wake on its pods take a minute."""
    await it.asleep()
    template = {"spec": {"template": {"metadata": {"annotations": {"demo/ready-after": "1m"}}}}}
    it.cluster.verbs.patch(kinds.DEPLOYMENTS, Key("default", "shop"), MERGE, template)


async def test_how_far_a_start_has_come_and_how_long_it_took(tmp_path: Path) -> None:
    async with scene(tmp_path, replace(SHOP, ready_after="400ms")) as it, it.waker():
        await it.put_to_sleep()
        before = it.version()
        await it.visit()
        await shows(it, 'data-mood="waking" data-step="2"')  # a node; the embedded one tells no more
        await it.awake()
        assert it.version() == before + 2, "asked for, and forgotten"
        usual = it.noted()[names.TYPICAL_WAKE]
        assert re.fullmatch(r"\d{3,4}ms", usual)
        await watchers(it, 2)  # the ingress controller's, and for addresses; nobody wakes
        await it.put_to_sleep()
        assert it.noted()[names.TYPICAL_WAKE] == usual
        it.annotate(names.PAGE_AFTER, "0s")
        await shows(it, "usually about 1 s.")
        await it.awake()
        await restore.restore_all(it.settings(), "5s")
        assert names.TYPICAL_WAKE not in it.noted()


async def test_a_fast_app_shows_no_page_once_it_is_known_to_be_fast(tmp_path: Path) -> None:
    async with scene(tmp_path, replace(SHOP, ready_after="200ms")) as it, it.waker():
        await it.put_to_sleep()
        assert (await it.visit()).page, "nobody knows yet how fast it is"
        await it.awake()
        it.annotate(names.TYPICAL_WAKE, "300ms")
        await it.put_to_sleep()
        answer = await it.visit()
        assert (answer.status, answer.page) == (200, False)
        await it.awake()


async def test_what_keeps_it_is_said_in_plain_words_and_its_operator_is_told_why(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        await slow(it)
        await it.visit()
        await it.until(
            lambda: len([pod for pod in it.cluster.objects("Pod", "default") if "podIP" in pod["status"]]) == 2
        )
        state = {"waiting": {"reason": "ErrImagePull", "message": NO_IMAGE}}
        status = {"containerStatuses": [{"name": "web", "ready": False, "restartCount": 0, "state": state}]}
        for pod in it.cluster.objects("Pod", "default"):
            it.cluster.store.write(kinds.PODS, key_of(pod), pod | {"status": pod["status"] | status})
        page = await shows(it, "its software could not be downloaded")
        assert "<bdi>shop</bdi> has a problem" in page
        assert "registry" not in page
        await it.until(lambda: ("CannotStart", f"container web: ErrImagePull: {NO_IMAGE}") in it.events())


async def test_a_page_that_asks_late_is_let_through_while_the_controller_does_not_follow(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        it.cluster.ingress.following.clear()
        await it.visit()
        await it.until(lambda: names.SAVED_REPLICAS not in it.noted() and it.events()[-1][0] == "Awake")
        asked = await it.visit(**BROWSER | {names.MARKER: names.MARK_POLL})
        assert (asked.status, asked.page) == (204, False)
        it.cluster.ingress.following.set()


async def test_pods_are_watched_only_while_somebody_looks(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it, it.waker():
        await slow(it)
        it.annotate(names.STATE, "awake")
        await it.until(lambda: it.replicas() > 0)
        await it.until(lambda: it.events()[-1][0] == "Waking")
        await watchers(it, 2)  # the ingress controller's, and for addresses
        await it.visit()
        await shows(it, 'data-step="2"')
        await watchers(it, 3)


async def test_a_setting_that_names_no_theme_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await running.service.themes.informer.synced.wait()
        it.configure(theme="nowhere")
        await it.until(lambda: any("no theme 'nowhere'" in why for _, why in it.events(names.CONFIG_MAP)))


async def test_themes_are_followed_and_a_broken_or_unknown_one_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep", theme="corporate") as it, it.waker(NEVER):
        await it.asleep()
        await shows(it, "Its owner has put it to sleep")
        await it.until(lambda: any(reason == "UnknownTheme" and "corporate" in why for reason, why in it.events()))
        key = Key("kubesleeper", names.THEMES_MAP)
        metadata = {"name": key.name, "namespace": key.namespace}
        data = {"corporate.html": THEME, "broken.html": "{{ page.nothing }}"}
        it.cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}])
        assert "Its owner has put it to sleep" in await shows(it, 'class="mine"')
        await it.until(lambda: any("broken.html" in why for _, why in it.events(names.THEMES_MAP)))
        it.cluster.verbs.patch(kinds.CONFIG_MAPS, key, MERGE, {"data": {"corporate.html": "{% include 'x' %}"}})
        await shows(it, "<h1")
        await it.until(lambda: any("include is not allowed" in why for _, why in it.events(names.THEMES_MAP)))


async def test_a_face_that_cannot_be_shown_is_told_and_keeps_nothing_awake(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it, it.waker(NEVER):
        it.annotate(names.ACCENT, "red")
        it.annotate(names.LOGO, "https://example.com/logo.png")
        it.annotate(names.CONTACT, "help@example.com")
        await it.asleep()
        for key, why in ((names.ACCENT, "'red' is not a colour"), (names.LOGO, "is not a picture")):
            told = [text for reason, text in it.events() if reason == "BadSetting" and text.startswith(key)]
            assert len(told) == 1
            assert why in told[0]
        assert "help@example.com" in await shows(it, "Its owner has put it to sleep")
        text = await explain.explained(it.settings(), "default", "shop", "text")
        assert "'red' is not a colour such as #0066cc; its waiting page goes without" in text


async def test_a_picture_is_read_for_the_page_and_shown_to_its_operator_in_words(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it, it.waker(NEVER) as running:
        it.annotate(names.LOGO, LOGO)
        await it.asleep()
        await shows(it, f'src="{LOGO}"')
        text = await explain.explained(it.settings(), "default", "shop", "text")
        assert f"image/svg+xml, {len(LOGO)} characters" in text
        (workload,) = [
            each for each in running.service.cluster.workloads[Kind.DEPLOYMENT].values() if each.id.name == "shop"
        ]
        assert LOGO not in repr(workload)


async def test_the_reference_of_a_page_in_trouble_finds_the_app(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it, it.waker(NEVER):
        await it.asleep()
        shop = it.cluster.store.get(kinds.DEPLOYMENTS, Key("default", "shop"))
        assert shop
        reference = reference_of(shop["metadata"]["uid"])
        assert reference in await shows(it, "Reference: <bdi>")
        assert "default/shop" in await explain.explained(it.settings(), "elsewhere", reference, "text")
        with pytest.raises(ExceptionGroup) as errors:
            await explain.explained(it.settings(), "default", "AAAA-AAAA", "text")
        assert errors.group_contains(WakerError, match="no Deployment or StatefulSet has the reference AAAA-AAAA")
