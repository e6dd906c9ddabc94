// Keeps the page up to date while the app wakes, and reloads it once the app answers at the page's own address instead of
// waker. It polls with HEAD and a marker, and waker sends it changes through a WebSocket; neither is ever a knock. When to poll
// again waker says in Retry-After: a few pages about once a second, each of a crowd more seldom.
// On the wait host the address only says which app is waited for: another address is polled, and another one leads back.
const MARKER = "X-Kubesleeper", PROTOCOL = "kubesleeper.page", SETTLED = 30000;
const { words, now: data } = JSON.parse(document.getElementById("kubesleeper").textContent);
const polled = data.api ? data.api + location.search : location.href;
const go = () => data.back ? location.replace(data.back + location.search + location.hash) : location.reload();
const started = Date.now(), key = "kubesleeper:" + (data.back ? location.search : location.pathname);
const age = () => Date.now() - started;
const root = document.documentElement, icon = document.querySelector("link[rel=icon]"), logo = document.querySelector("[data-logo]");
const all = (selector) => document.querySelectorAll(selector);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// A page that comes back right after it reloaded waits longer each time before the next reload, so there is no loop. Without
// storage there is nothing to remember.
let reloads = 0, leaving = false, gone = false, socket = null;
try { reloads = Number(sessionStorage.getItem(key)) || 0; } catch { }
const remember = (n) => { try { sessionStorage.setItem(key, n); } catch { } };
const tooEarly = () => reloads && age() < Math.min(30000, 1000 * 2 ** reloads);
const leave = async () => {
  if (leaving) return;
  leaving = true;
  while (tooEarly()) await sleep(250);
  gone = true;
  remember(age() > SETTLED ? 1 : reloads + 1);
  socket?.close();
  root.style.setProperty("--percent", 100);
  document.title = fill("heading.ready", data);
  go();
};

const setText = (what, text) => all(`[data-tell="${what}"]`).forEach((each) => {
  if (text !== undefined && each.textContent !== text) each.textContent = text;
});
// The title may be written in the other direction than the rest.
const setHeading = (text) => all('[data-tell="heading"]').forEach((each) => {
  const title = document.createElement("bdi"), [before, after] = text.split("{title}");
  if (each.textContent === before + data.title + after) return;
  title.textContent = data.title;
  each.replaceChildren(before, title, after);
});
const lined = all('[data-tell="line"]').length > 0;
// A function, because in a text to put in String.replace would take $& of a title for something else.
const fill = (key, values) => words[key].replace(/{(\w+)}/g, (_, name) => values[name]);
const duration = (s) => s < 60 ? fill("time.seconds", { s }) : s < 3600 ? fill("time.minutes", { m: Math.floor(s / 60), s: s % 60 })
  : fill("time.hours", { h: Math.floor(s / 3600), m: Math.floor(s % 3600 / 60) });
const roughly = (s, m = Math.round(s / 60)) => s < 60 ? duration(s) : m < 60 ? fill("time.rough", { m }) : duration(60 * m);

// A ring is never full before the app is ready. Where the usual time is not known, the steps fill it.
const percent = (s) => data.mood === "pinned" ? 0 : data.step > 4 ? 98 : !data.usual || data.say === "node" ? 15 * data.step
  : s < data.usual ? 90 * s / data.usual : 98 - 8 * data.usual / s;
const drawIcon = (full) => {
  const bad = data.mood === "troubled", colour = bad ? "#c33" : getComputedStyle(root).getPropertyValue("--accent") || "#d81";
  const drawn = logo ? logo.src : "data:image/svg+xml," + encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-9 -9 18 18" fill="none" stroke="${colour}" stroke-width="3"><circle r="7" opacity=".3"/><circle r="7" pathLength="100" stroke-dasharray="${bad ? 100 : full} 100" transform="rotate(-90)"/>${bad ? '<path d="M0-4v5M0 3v2"/>' : ""}</svg>`);
  if (icon && icon.href !== drawn) icon.href = drawn;
};
// Once the page has left, it stays as it is until the app's own comes.
const tick = () => {
  if (gone) return;
  const s = data.elapsed + Math.floor(age() / 1000), usual = data.usual, { mood, say, title } = data;
  const late = s > 1.5 * usual + 5, calm = mood === "waking" && say !== "node";
  const hint = words[mood === "waking" ? "hint" : "hint.pinned"], sentence = words["say." + say];
  const rest = calm && s < usual ? roughly(usual - s) : "", key = !usual ? "timing" : late ? "timing.longer" : "timing.usual";
  setText("timing", mood === "pinned" ? "" : fill(key, { elapsed: duration(s), usual: duration(usual) }));
  setText("left", rest ? fill("left", { left: rest }) : calm && usual ? words[late ? "left.longer" : "left.soon"] : "");
  setText("line", calm ? hint : sentence);
  setText("hint", calm && lined ? "" : hint);
  setText("sentence", !calm && lined ? "" : sentence);
  const name = rest ? fill("tab", { left: rest, title }) : fill("heading." + mood, { title });
  if (document.title !== name) document.title = name;
  root.style.setProperty("--percent", percent(s));
  drawIcon(Math.round(percent(s)));
};
const show = ({ mood, step, say }) => {
  if (gone) return;
  Object.assign(root.dataset, { mood, step });
  Object.assign(data, { mood, step, say });
  setHeading(words["heading." + mood]);
  all("[data-stage]").forEach((each, i) => {
    const state = i < step ? "done" : i === step ? "current" : "ahead";
    if (each.dataset.state === state) return;
    each.dataset.state = state;
    if (state === "current") each.setAttribute("aria-current", "step"); else each.removeAttribute("aria-current");
    const inWords = each.querySelector(".unseen");
    if (inWords) inWords.textContent = ` (${words[state]})`;
  });
  tick();
};
tick();
setInterval(tick, 1000);

const listen = () => {
  const url = new URL(location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  socket = new WebSocket(url, PROTOCOL);
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.open) leave(); else show(message);
  };
};

let unmarked = 0, again = 0;
const shouldLeave = async () => {
  const answer = await fetch(polled, {
    method: "HEAD", headers: { [MARKER]: "poll" }, cache: "no-store", credentials: "same-origin", redirect: "manual",
  });
  const mark = answer.headers.get(MARKER);
  // A 502, 503 or 504 without marker is most likely a proxy that is just being changed. After five, it is the app's answer.
  unmarked = !mark && [502, 503, 504].includes(answer.status) ? unmarked + 1 : 0;
  again = Math.min(1000 * Number(answer.headers.get("Retry-After")) || 0, mark ? 60000 : 5000);
  if (!mark) return !unmarked || unmarked >= 5;
  const { phase, mood, step, say } = Object.fromEntries(mark.split("; ").map((each) => each.split("=")));
  if (mood) show({ mood, step: Number(step), say });
  // Nobody is waking it: the knock was lost, or the app fell asleep again. A reload, if somebody is looking, knocks again.
  return phase === "Asleep" && mood === "waking" && !document.hidden && age() > 5000;
};

const poll = async () => {
  await sleep(300);
  while (!leaving) {
    const began = Date.now();
    try {
      if (await shouldLeave()) return leave();
    // No network: try again later.
    } catch { }
    if (age() > SETTLED) remember(0);
    const pause = Math.max(socket?.readyState === WebSocket.OPEN || document.hidden ? 15000 : 1000, again);
    await sleep(Math.max(250, pause * (0.9 + 0.2 * Math.random()) - (Date.now() - began)));
  }
};

addEventListener("pageshow", (event) => { if (event.persisted) go(); });
if (data.push) listen();
poll();
