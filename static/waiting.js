// Keeps the page up to date while the app wakes, and reloads it once the app answers at the page's own address instead of
// waker. It polls with HEAD and a marker, and waker sends it changes through a WebSocket; neither is ever a knock. When to poll
// again waker says in Retry-After: a few pages about once a second, each of a crowd more seldom.
// On the wait host the address only says which app is waited for: another address is polled, and another one leads back.
const MARKER = "X-Kubesleeper", PROTOCOL = "kubesleeper.page", SETTLED = 30000;
const data = JSON.parse(document.getElementById("kubesleeper").textContent), words = data.words;
const polled = data.api ? data.api + location.search : location.href;
const go = () => data.back ? location.replace(data.back + location.search + location.hash) : location.reload();
const started = Date.now(), key = "kubesleeper:" + (data.back ? location.search : location.pathname);
const age = () => Date.now() - started;
const all = (selector) => document.querySelectorAll(selector);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// A page that comes back right after it reloaded waits longer each time before the next reload, so there is no loop.
let reloads = 0, gone = false, socket = null;
try { reloads = Number(sessionStorage.getItem(key)) || 0; } catch { /* no storage: nothing to remember */ }
const remember = (n) => { try { sessionStorage.setItem(key, n); } catch { /* no storage */ } };
const tooEarly = () => reloads && age() < Math.min(30000, 1000 * 2 ** reloads);
const leave = async () => {
  if (gone) return;
  gone = true;
  while (tooEarly()) await sleep(250);
  remember(age() > SETTLED ? 1 : reloads + 1);
  socket?.close();
  go();
};

const setText = (what, text) => all(`[data-tell="${what}"]`).forEach((each) => {
  if (text !== undefined && each.textContent !== text) each.textContent = text;
});
const show = ({ mood, step, say }) => {
  Object.assign(document.documentElement.dataset, { mood, step });
  Object.assign(data, { mood, step });
  setText("heading", words["heading." + mood]);
  setText("sentence", words["say." + say]);
  document.title = words["heading." + mood] || document.title;
  all("[data-stage]").forEach((each, i) => {
    const state = i < step ? "done" : i === step ? "current" : "ahead";
    if (each.dataset.state === state) return;
    each.dataset.state = state;
    each.toggleAttribute("aria-current", false);
    if (state === "current") each.setAttribute("aria-current", "step");
    const inWords = each.querySelector(".unseen");
    if (inWords) inWords.textContent = ` (${words[state]})`;
  });
};

const duration = (s) => s < 60 ? words["time.seconds"].replace("{s}", s)
  : words["time.minutes"].replace("{m}", Math.floor(s / 60)).replace("{s}", s % 60);
const tick = () => {
  const s = data.elapsed + Math.floor(age() / 1000), usual = data.usual;
  const text = words[!usual ? "timing" : s > 1.5 * usual + 5 ? "timing.longer" : "timing.usual"];
  setText("timing", data.mood === "pinned" ? "" : text.replace("{elapsed}", duration(s)).replace("{usual}", duration(usual)));
};
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
  while (!gone) {
    const began = Date.now();
    try {
      if (await shouldLeave()) return leave();
    } catch { /* no network: try again later */ }
    if (age() > SETTLED) remember(0);
    const pause = Math.max(socket?.readyState === WebSocket.OPEN || document.hidden ? 15000 : 1000, again);
    await sleep(Math.max(250, pause * (0.9 + 0.2 * Math.random()) - (Date.now() - began)));
  }
};

addEventListener("pageshow", (event) => { if (event.persisted) go(); });
if (data.push) listen();
poll();
