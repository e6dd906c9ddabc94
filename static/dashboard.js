(() => {
  "use strict";
  const rows = document.getElementById("rows"), form = document.getElementById("filter"), live = document.getElementById("live");
  const count = document.getElementById("count"), who = document.getElementById("who"), said = document.getElementById("said");
  const tiles = { awake: ["Awake"], asleep: ["Asleep"], moving: ["FallingAsleep", "Waking", "RestoringRoutes"], stuck: ["Stuck"], unmanaged: ["NotManaged"] };

  const span = seconds => {
    for (const [unit, length] of [["d", 86400], ["h", 3600], ["m", 60]])
      if (seconds >= length) return Math.floor(seconds / length) + unit;
    return Math.floor(seconds) + "s";
  };
  const count_times = () => {
    for (const each of document.querySelectorAll("time")) {
      const at = new Date(each.dateTime), ago = (Date.now() - at) / 1000;
      const text = ago >= 0 ? span(ago) + " ago" : "in " + span(-ago);
      if (each.textContent !== text) each.textContent = text;
      if (!each.title) each.title = at.toLocaleString();
    }
  };

  const filter = () => {
    const words = form.q.value.toLowerCase().split(/\s+/).filter(Boolean), phases = tiles[form.phase.value];
    let shown = 0;
    for (const row of rows.children) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every(word => text.includes(word)) && (!phases || phases.includes(row.dataset.phase)));
      shown += !row.hidden;
    }
    const all = rows.children.length, apps = all + (all === 1 ? " app" : " apps"), text = shown === all ? apps : shown + " of " + apps;
    if (count.textContent !== text) count.textContent = text;
  };
  form.addEventListener("input", filter);

  const by_id = () => new Map([...rows.children].map(row => [row.dataset.id, row]));
  const made = html => {
    const box = document.createElement("template");
    box.innerHTML = html;
    return box.content.firstElementChild;
  };
  const receive = news => {
    const active = document.activeElement, focused = rows.contains(active) ? [active.closest("tr").dataset.id, active.dataset.do] : null;
    const known = by_id();
    for (const [id, html] of Object.entries(news.rows || {})) {
      const row = made(html);
      if (known.has(id)) known.get(id).replaceWith(row);
      known.set(id, row);
    }
    if (news.order) rows.replaceChildren(...news.order.map(id => known.get(id)).filter(Boolean));
    for (const [name, html] of Object.entries(news.parts || {})) {
      const part = document.getElementById("part-" + name), within = part.contains(document.activeElement);
      part.innerHTML = html;
      if (within) part.querySelector("[tabindex]")?.focus();
    }
    filter();
    count_times();
    if (focused) {
      const row = by_id().get(focused[0]);
      (row?.querySelector(`[data-do="${focused[1]}"]`) || row?.querySelector("[data-do]"))?.focus();
    }
  };

  const begin = () => {
    const source = new EventSource("/dashboard/events" + location.search);
    source.onopen = () => { live.textContent = "live"; };
    source.onmessage = event => receive(JSON.parse(event.data));
    source.onerror = () => {
      live.textContent = "not connected, trying again";
      if (source.readyState === EventSource.CLOSED) setTimeout(begin, 5000);
    };
  };

  rows.addEventListener("click", async event => {
    const button = event.target.closest("[data-do]");
    if (!button || button.ariaDisabled) return;
    const [namespace, kind, name] = button.closest("tr").dataset.id.split("/"), token = who.token.value.trim();
    if (!token) {
      said.textContent = "A token is needed.";
      who.token.focus();
      return;
    }
    button.ariaDisabled = "true"; // disabled, it would lose the focus
    try {
      const answer = await fetch("/dashboard/act", {
        method: "POST", credentials: "omit", headers: { "Content-Type": "application/json", Authorization: "Bearer " + token },
        body: JSON.stringify({ namespace, kind, name, action: button.dataset.do }),
      });
      said.textContent = (await answer.json()).detail;
    } catch {
      said.textContent = "waker did not answer.";
    }
    button.ariaDisabled = null;
  });
  who?.addEventListener("submit", event => event.preventDefault());

  filter();
  count_times();
  setInterval(count_times, 1000);
  begin();
})();
