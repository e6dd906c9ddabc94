// Hears from waker how the app's start goes, and loads the page's own address again when somebody else than waker answers
// it: the app. It asks with HEAD and a marker, and is told through a WebSocket of its own. Neither is ever a knock.
// On the wait host the address only says who is waited for: another one is asked, and another one leads back.
const MARKER = "X-Kubesleeper", PROTOCOL = "kubesleeper.page", SETTLED = 30000;
const told = JSON.parse(document.getElementById("kubesleeper").textContent), words = told.words;
const asked = told.api ? told.api + location.search : location.href;
const go = () => told.back ? location.replace(told.back + location.search + location.hash) : location.reload();
const started = Date.now(), key = "kubesleeper:" + (told.back ? location.search : location.pathname);
const age = () => Date.now() - started;
const all = (selector) => document.querySelectorAll(selector);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// A page that comes straight back after it gave way waits longer each time before it does so again: there is no reload loop.
let again = 0, gone = false, socket = null;
try { again = Number(sessionStorage.getItem(key)) || 0; } catch { /* no storage: nothing to remember */ }
const remember = (n) => { try { sessionStorage.setItem(key, n); } catch { /* as above */ } };
const early = () => again && age() < Math.min(30000, 1000 * 2 ** again);
const leave = async () => {
  if (gone) return;
  gone = true;
  while (early()) await sleep(250);
  remember(age() > SETTLED ? 1 : again + 1);
  socket?.close();
  go();
};

const put = (what, text) => all(`[data-tell="${what}"]`).forEach((each) => {
  if (text !== undefined && each.textContent !== text) each.textContent = text;
});
const show = ({ mood, step, say }) => {
  Object.assign(document.documentElement.dataset, { mood, step });
  Object.assign(told, { mood, step });
  put("heading", words["heading." + mood]);
  put("sentence", words["say." + say]);
  document.title = words["heading." + mood] || document.title;
  all("[data-stage]").forEach((each, i) => {
    const state = i < step ? "done" : i === step ? "current" : "ahead";
    if (each.dataset.state === state) return;
    each.dataset.state = state;
    each.toggleAttribute("aria-current", false);
    if (state === "current") each.setAttribute("aria-current", "step");
    const said = each.querySelector(".unseen");
    if (said) said.textContent = ` (${words[state]})`;
  });
};

const length = (s) => s < 60 ? words["time.seconds"].replace("{s}", s)
  : words["time.minutes"].replace("{m}", Math.floor(s / 60)).replace("{s}", s % 60);
const tick = () => {
  const s = told.elapsed + Math.floor(age() / 1000), usual = told.usual;
  const text = words[!usual ? "timing" : s > 1.5 * usual + 5 ? "timing.longer" : "timing.usual"];
  put("timing", told.mood === "pinned" ? "" : text.replace("{elapsed}", length(s)).replace("{usual}", length(usual)));
};
setInterval(tick, 1000);

const listen = () => {
  const url = new URL(location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  socket = new WebSocket(url, PROTOCOL);
  socket.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    if (news.open) leave(); else show(news);
  };
};

let strange = 0;
const ask = async () => {
  const answer = await fetch(asked, {
    method: "HEAD", headers: { [MARKER]: "poll" }, cache: "no-store", credentials: "same-origin", redirect: "manual",
  });
  const mark = answer.headers.get(MARKER);
  // A 502, 503 or 504 without marker is most likely a proxy between two states; said five times, it is the app's word.
  strange = !mark && [502, 503, 504].includes(answer.status) ? strange + 1 : 0;
  if (!mark) return !strange || strange >= 5;
  const { phase, mood, step, say } = Object.fromEntries(mark.split("; ").map((each) => each.split("=")));
  if (mood) show({ mood, step: Number(step), say });
  // Nobody is waking it: the wish was lost, or it fell asleep again. Who still looks at the page asks anew.
  return phase === "Asleep" && mood === "waking" && !document.hidden && age() > 5000;
};

const poll = async () => {
  await sleep(300);
  while (!gone) {
    const began = Date.now();
    try {
      if (await ask()) return leave();
    } catch { /* the network rests; so do we */ }
    if (age() > SETTLED) remember(0);
    const pause = socket?.readyState === WebSocket.OPEN || document.hidden ? 15000 : 1000;
    await sleep(Math.max(250, pause - (Date.now() - began)));
  }
};

addEventListener("pageshow", (event) => { if (event.persisted) go(); });
if (told.push) listen();
poll();
