// Asks the page's own address, with the marker, until somebody else than waker answers; then loads it again.
// HEAD, and never a knock: an app that already answers is not made to work for a question of ours.
(() => {
  "use strict";
  const MARKER = "X-Kubesleeper", SHOWN_LONG = 30000;
  const state = document.getElementById("state"), elapsed = document.getElementById("elapsed");
  // On the wait host the address says who is waited for, and another one leads back.
  const { api, back } = document.body.dataset, asked = back ? api + location.search : location.href;
  const go = () => (back ? location.replace(back + location.search + location.hash) : location.reload());
  const started = Date.now(), before = Number(elapsed.dataset.seconds);
  const key = "kubesleeper:" + (back ? location.search : location.pathname);
  const words = { Waking: "It was asleep and is starting now.", Rising: "It is up. Opening the way to it." };

  // A page that comes straight back after it gave way asks more slowly each time: there is no reload loop.
  let again = 0;
  try { again = Number(sessionStorage.getItem(key)) || 0; } catch { /* no storage: nothing to remember */ }
  const remember = (n) => { try { sessionStorage.setItem(key, n); } catch { /* as above */ } };
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  const tell = (seconds) =>
    seconds < 60 ? seconds + " s so far." : Math.floor(seconds / 60) + " min " + (seconds % 60) + " s so far.";
  if (elapsed.dataset.seconds !== "") {
    setInterval(() => { elapsed.textContent = tell(before + Math.floor((Date.now() - started) / 1000)); }, 1000);
  }

  const show = (mark) => {
    const phase = /phase=(\w+)/.exec(mark);
    const text = phase && document.body.classList.contains("calm") && words[phase[1]];
    if (text && state.textContent !== text) state.textContent = text;
  };

  let strange = 0, asleep = false;
  const open = async () => {
    const answer = await fetch(asked, {
      method: "HEAD", headers: { [MARKER]: "poll" }, cache: "no-store", credentials: "same-origin", redirect: "manual",
    });
    const mark = answer.headers.get(MARKER);
    if (mark) show(mark);
    asleep = /phase=Asleep/.test(mark) && document.body.classList.contains("calm");
    // A 502, 503 or 504 without marker is most likely a proxy between two states; said five times, it is the app's word.
    strange = !mark && [502, 503, 504].includes(answer.status) ? strange + 1 : 0;
    return !mark && (!strange || strange >= 5);
  };

  const wait = async () => {
    await sleep(again ? Math.min(30000, 1000 * 2 ** again) : 300);
    for (;;) {
      const began = Date.now();
      try {
        if (await open()) break;
      } catch { /* the network rests; so do we */ }
      // Nobody is waking it: the wish was lost, or it fell asleep again. Who still looks at the page asks anew.
      if (asleep && !document.hidden && Date.now() - started > 5000) location.reload();
      if (Date.now() - started > SHOWN_LONG) remember(0);
      await sleep(Math.max(250, 1000 - (Date.now() - began)));
    }
    remember(Date.now() - started > SHOWN_LONG ? 1 : again + 1);
    go();
  };
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  wait();
})();
