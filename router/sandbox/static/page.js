// Shows the sandbox's incidents and pages. All text goes into the page as text, never as markup.
"use strict";

const EVERY_MS = 1000;
const SHOWN_OPEN = 200;
const PRIORITIES = ["P1", "P2", "P3", "P4", "P5"].map((name) => [name, name]);
const SNOOZES = [["1", "1 minute"], ["30", "30 minutes"], ["120", "2 hours"], ["1440", "a day"]];
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

function card(incident, now, state) {
  const act = (action, content = {}) => send(incident.id, action, content);
  const title = `#${incident.number} ${incident.title}`;
  const people = state.users.map((user) => [user.email, `${user.name} (${user.email})`]);
  const levels = Array.from({ length: incident.levels }, (_, index) => [`level ${index + 1}`, `level ${index + 1}`]);
  const others = state.policies.filter((policy) => policy !== incident.policy);
  const steps = [...(incident.urgency === "low" ? [] : levels), ...others.map((policy) => [`policy ${policy}`, `policy ${policy}`])];
  const escalate = (step) => act("escalate", step.startsWith("level ") ? { level: step.slice(6) } : { policy: step.slice(7) });
  const button = (words, onclick, disabled = false) => make("button", { onclick, disabled }, words);
  return make("article", { class: `card ${incident.urgency} ${incident.status}`, "data-id": incident.id },
    make("h3", {}, title),
    make("div", { class: "tags" }, tag(incident.status), incident.severity ? tag(incident.severity) : null, tag(incident.urgency)),
    make("div", { class: "facts" },
      fact("service", incident.service),
      fact("open for", lasted(now - incident.created_at)),
      incident.incident_key ? fact("incident key", make("code", {}, incident.incident_key)) : fact("dedup key", keys(incident.dedup_keys)),
      fact("alerts", String(incident.alerts)),
      fact("triggers", String(incident.triggers)),
      fact("log entries", String(incident.log_entries)),
      fact("assigned to", incident.assignees.join(", ") || "nobody"),
      fact("escalation", `level ${incident.level} of ${incident.levels}, ${incident.policy}`),
      incident.priority ? fact("priority", incident.priority) : null,
      incident.responders.length ? fact("responders", incident.responders.join(", ")) : null,
      incident.client ? fact("from", incident.client) : null),
    incident.notes.length ? make("div", { class: "facts" }, fact("notes", incident.notes.join(" · "))) : null,
    make("div", { class: "actions" },
      button("Acknowledge", () => act("acknowledge"), incident.status === "acknowledged"),
      button("Resolve…", () => ask(`Resolve ${title}`, null, "Note (may be empty)", (_, note) => act("resolve", { note }))),
      button("Reassign…", () => ask(`Reassign ${title}`, ["To", people], null, (to) => act("reassign", { to }))),
      button("Escalate…", () => ask(`Escalate ${title}`, ["To", steps], null, escalate), !steps.length),
      button("Note…", () => ask(`Note on ${title}`, null, "Note", (_, content) => content && act("annotate", { content }))),
      button("Responders…", () => ask(`Ask somebody to help with ${title}`, ["Whom", people], "What for", (to, message) => act("request_responders", { to, message }))),
      ...(incident.responders.some((line) => line.endsWith("(pending)")) ? [
        button("Join", () => act("respond", { answer: "join" })), button("Decline", () => act("respond", { answer: "decline" }))] : []),
      button("Status…", () => ask(`Status of ${title}`, null, "What subscribers are told", (_, message) => message && act("publish_status", { message }))),
      button("Priority…", () => ask(`Priority of ${title}`, ["Priority", PRIORITIES], null, (priority) => act("prioritise", { priority }))),
      button("Snooze…", () => ask(`Snooze ${title}`, ["For", SNOOZES], null, (minutes) => act("snooze", { minutes })))));
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
  const me = find("me");
  if (!me.options.length) me.replaceChildren(...state.users.map((user) => make("option", { value: user.email }, user.name)));
  find("open-count").textContent = state.counts.open_incidents;
  document.title = state.open.length ? `(${state.counts.open_incidents}) Sandbox: incidents` : "Sandbox: incidents";
  const newest = state.open.reverse();
  const cards = newest.map((incident) => card(incident, state.now, state));
  const hidden = state.counts.open_incidents - state.open.length;
  if (hidden > 0) cards.push(make("p", { class: "empty" }, `${hidden} older ones are not shown`));
  if (!state.open.length) cards.push(make("p", { class: "empty calm" }, "Nothing is open. All quiet."));
  redraw(find("open"), cards);
  redraw(find("pages"), filled(state.pages.map((page) => row(clock(page.at), page.user, page.reason.replace("_", " "), tag(page.urgency), page.service, `#${page.incident_number} ${page.title}`)), 6, "Nobody would have been paged yet."));
  redraw(find("resolved"), filled(state.resolved.map((incident) => row(clock(incident.resolved_at), incident.service, `#${incident.number} ${incident.title}`, keys(incident.dedup_keys), lasted(incident.resolved_at - incident.created_at), String(incident.alerts), incident.notes.join(" · "), make("button", { onclick: () => send(incident.id, "reopen", {}) }, "Reopen"))), 8, "Nothing was resolved yet."));
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
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user: find("me").value, ...content }),
  });
  const result = await answer.json();
  find("trouble").dataset.kind = "refused";
  complain(answer.ok ? "" : result.problem);
  await refresh();
}

// Ask for one of some choices, for a text, or for both.
function ask(title, whom, what, done) {
  const dialog = find("ask"), text = find("ask-text"), choice = find("ask-choice");
  find("ask-title").textContent = title;
  find("ask-whom").hidden = !whom;
  find("ask-whom-label").textContent = whom ? whom[0] : "";
  choice.replaceChildren(...(whom ? whom[1] : []).map(([value, words]) => make("option", { value }, words)));
  find("ask-what").hidden = what === null;
  find("ask-label").textContent = what || "";
  text.value = "";
  dialog.returnValue = "cancel";
  dialog.onclose = () => { if (dialog.returnValue === "go") done(choice.value, text.value); };
  dialog.showModal();
}

async function loop() {
  if (!document.hidden) await refresh();
  setTimeout(loop, EVERY_MS);
}
loop();
