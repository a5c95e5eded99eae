// Shows the sandbox's incidents and pages. All text goes into the page as text, never as markup.
"use strict";

const EVERY_MS = 1000;
const SHOWN_OPEN = 200;
const find = (id) => document.getElementById(id);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") element.addEventListener("click", value);
    else if (key === "disabled") element.disabled = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function lasted(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
const fact = (name, ...value) => make("span", {}, `${name} `, make("b", {}, ...value));
const tag = (text) => make("span", { class: `tag ${text}` }, text);

function keys(list) {
  const shown = list.slice(0, 3).join(", ");
  return make("code", { title: list.slice(0, 20).join("\n") }, list.length > 3 ? `${shown} and ${list.length - 3} more` : shown || "none");
}

function card(incident, now, users) {
  const act = (action, content = {}) => send(incident.id, action, content);
  const title = `#${incident.number} ${incident.title}`;
  return make("article", { class: `card ${incident.urgency} ${incident.status}`, "data-id": incident.id },
    make("h3", {}, title),
    make("div", { class: "tags" }, tag(incident.status), incident.severity ? tag(incident.severity) : null, tag(incident.urgency)),
    make("div", { class: "facts" },
      fact("service", incident.service),
      fact("open for", lasted(now - incident.created_at)),
      fact("dedup key", keys(incident.dedup_keys)),
      fact("alerts", String(incident.alerts)),
      fact("triggers", String(incident.triggers)),
      fact("log entries", String(incident.log_entries)),
      fact("assigned to", incident.assignees.join(", ") || "nobody"),
      incident.client ? fact("from", incident.client) : null),
    incident.notes.length ? make("div", { class: "facts" }, fact("notes", incident.notes.join(" · "))) : null,
    make("div", { class: "actions" },
      make("button", { disabled: incident.status === "acknowledged", onclick: () => act("acknowledge") }, "Acknowledge"),
      make("button", { onclick: () => ask(`Resolve ${title}`, "Note (may be empty)", null, (note) => act("resolve", { note })) }, "Resolve…"),
      make("button", { onclick: () => ask(`Reassign ${title}`, "To", users, (to) => act("reassign", { to })) }, "Reassign…"),
      make("button", { disabled: incident.urgency === "low", onclick: () => act("escalate") }, "Escalate"),
      make("button", { onclick: () => ask(`Note on ${title}`, "Note", null, (content) => content && act("annotate", { content })) }, "Note…")));
}

function row(...cells) {
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

function filled(rows, columns, words) {
  return rows.length ? rows : [make("tr", {}, make("td", { colspan: columns, class: "muted" }, words))];
}

function show(state) {
  const counts = [["open", state.counts.open_incidents], ["incidents", state.counts.incidents], ["pages", state.counts.pages], ["requests", state.counts.requests]];
  find("counts").replaceChildren(...counts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
  find("open-count").textContent = state.counts.open_incidents;
  document.title = state.open.length ? `(${state.counts.open_incidents}) Sandbox: incidents` : "Sandbox: incidents";
  const newest = state.open.reverse();
  const cards = newest.map((incident) => card(incident, state.now, state.users));
  const hidden = state.counts.open_incidents - state.open.length;
  if (hidden > 0) cards.push(make("p", { class: "empty" }, `${hidden} older ones are not shown`));
  if (!state.open.length) cards.push(make("p", { class: "empty calm" }, "Nothing is open. All quiet."));
  redraw(find("open"), cards);
  redraw(find("pages"), filled(state.pages.map((page) => row(clock(page.at), page.user, page.reason.replace("_", " "), tag(page.urgency), page.service, `#${page.incident_number} ${page.title}`)), 6, "Nobody would have been paged yet."));
  redraw(find("resolved"), filled(state.resolved.map((incident) => row(clock(incident.resolved_at), incident.service, `#${incident.number} ${incident.title}`, keys(incident.dedup_keys), lasted(incident.resolved_at - incident.created_at), String(incident.alerts), incident.notes.join(" · "))), 7, "Nothing was resolved yet."));
}

// Keep the keyboard's place: a redraw must not take the focus away from a button.
function redraw(holder, children) {
  const focused = document.activeElement;
  const place = holder.contains(focused) && focused.closest("[data-id]");
  const wanted = place && [place.dataset.id, focused.textContent];
  holder.replaceChildren(...children);
  if (wanted) {
    const again = [...holder.querySelectorAll(`[data-id="${CSS.escape(wanted[0])}"] button`)].find((button) => button.textContent === wanted[1]);
    if (again) again.focus();
  }
}

function complain(text) {
  find("trouble").hidden = !text;
  find("trouble").textContent = text;
}

async function refresh() {
  try {
    const answer = await fetch(`/_sandbox/incidents.json?open=${SHOWN_OPEN}`, { cache: "no-store" });
    show(await answer.json());
    if (find("trouble").dataset.kind === "gone") complain("");
  } catch {
    find("trouble").dataset.kind = "gone";
    complain("The sandbox does not answer. Is it still running?");
  }
}

async function send(id, action, content) {
  const answer = await fetch(`/_sandbox/incidents/${encodeURIComponent(id)}/${action}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content),
  });
  const result = await answer.json();
  find("trouble").dataset.kind = "refused";
  complain(answer.ok ? "" : result.problem);
  await refresh();
}

function ask(title, label, users, done) {
  const dialog = find("ask"), text = find("ask-text"), choice = find("ask-choice");
  find("ask-title").textContent = title;
  find("ask-label").textContent = label;
  text.hidden = Boolean(users);
  choice.hidden = !users;
  text.value = "";
  choice.replaceChildren(...(users || []).map((user) => make("option", { value: user.email }, `${user.name} (${user.email})`)));
  dialog.returnValue = "cancel";
  dialog.onclose = () => { if (dialog.returnValue === "go") done(users ? choice.value : text.value); };
  dialog.showModal();
}

async function loop() {
  if (!document.hidden) await refresh();
  setTimeout(loop, EVERY_MS);
}
loop();
