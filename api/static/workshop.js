// Everything here is a convenience: without it the pages work the same, a press of Save at a time.
"use strict";

// What is sent waits for what was sent before, so that each request knows the last revision.
let last = Promise.resolve();
let unsent = false;

const byId = (id) => (id ? document.getElementById(id) : null);
const isNew = (id) => /^(new-statement$|(groups|misconceptions|levels)-new-)/.test(id);
const isEdit = (control) => Boolean(control?.closest("#sheet")) && !isNew(control.id);
const ticks = (control) => control.type === "checkbox" || control.type === "radio";
const valueOf = (control) => (ticks(control) ? control.checked : control.value);

function values() {
  const controls = document.querySelectorAll("input[id]:not([type=hidden], [type=file]), select[id], textarea[id]");
  return new Map([...controls].map((control) => [control.id, valueOf(control)]));
}

function setValue(id, value) {
  const control = byId(id);
  if (control) {
    control[ticks(control) ? "checked" : "value"] = value;
  }
}

// Send a form and show on this page what has changed on the page that comes back.
async function send(form, button, regions) {
  const data = new FormData(form);
  const whole = !button || button.name !== "do" || /^(add|save|publish)/.test(button.value);
  const autosave = !button; // of the rubric, or of a judgement
  if (autosave || !whole) {
    for (const name of [...data.keys()].filter(isNew)) {
      data.delete(name);
    }
  }
  data.set(button && button.name ? button.name : "do", button && button.name ? button.value : "save");
  const edits = form.id === "sheet";
  unsent = unsent && !edits;
  const sent = values();
  const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.getElementById("top")) {
    throw new Error(page.querySelector("h1")?.textContent || answer.statusText);
  }
  const later = [...values()].filter(([id, value]) => sent.get(id) !== value || (isNew(id) && (autosave || !whole)));
  show(page, button, regions, later);
  say(answer.ok ? page.querySelector(".notice.done")?.textContent.trim() || "Saved." : "Not saved yet.");
  if (!answer.ok && button) {
    byId("top").querySelector("[role=alert]")?.focus();
  }
  unsent = unsent || (edits && !answer.ok);
  if (regions.includes("rows") && later.some(([id]) => isEdit(byId(id)))) {
    save(); // a field that was put in the place of another tells no change
  }
}

function show(page, button, regions, later) {
  const active = document.activeElement === document.body ? button : document.activeElement;
  const id = active?.id;
  const place = active?.getBoundingClientRect().top;
  const open = [...document.querySelectorAll("details[id][open]")].map((one) => one.id);
  const scrolled = byId("try").scrollTop;
  page.querySelectorAll("[autofocus]").forEach((one) => one.removeAttribute("autofocus"));

  regions.forEach((name) => byId(name).replaceWith(page.getElementById(name)));
  for (const panel of page.querySelectorAll("[data-panel]")) {
    byId(panel.id)?.replaceChildren(...panel.childNodes);
  }
  byId("revision").value = page.getElementById("revision")?.value || byId("revision").value;
  complain(page);
  document.title = page.title;

  open.forEach((one) => byId(one)?.setAttribute("open", ""));
  later.forEach(([one, value]) => setValue(one, value));
  byId("try").scrollTop = scrolled;
  const found = byId(id) || (id ? byId(button?.dataset.after) : null);
  if (found && found !== document.activeElement) {
    found.focus({ preventScroll: true });
  }
  if (found) {
    const column = byId("try");
    const scroller = column.contains(found) && column.scrollHeight > column.clientHeight ? column : window;
    scroller.scrollBy({ top: found.getBoundingClientRect().top - place, behavior: "instant" });
  }
}

// Put what is wrong beside the fields that stayed where they were.
function complain(page) {
  for (const control of document.querySelectorAll("#sheet .field > :is(input, select, textarea)[id]")) {
    const fresh = page.getElementById(control.id);
    if (!fresh) {
      continue; // it came with the page, complaint and all
    }
    const complaint = fresh.parentElement.querySelector(".complaint");
    control.parentElement.querySelector(".complaint")?.remove();
    control.parentElement.classList.toggle("wrong", Boolean(complaint));
    if (complaint) {
      control.before(complaint);
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
      fresh.hasAttribute(name) ? control.setAttribute(name, fresh.getAttribute(name)) : control.removeAttribute(name);
    }
  }
}

let silence;
function say(words) {
  byId("saying").textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => (byId("saying").textContent = ""), 6000);
}

function queue(form, button, regions) {
  last = last
    .then(() => send(form, button, regions))
    .catch((error) => {
      unsent = unsent || form.id === "sheet";
      say(`Not saved: ${error.message}`);
    });
}

const save = () => queue(byId("sheet"), null, ["sample-list"]);

function regionsOf(form) {
  if (form.matches("[data-edits]")) {
    return ["rows", "sample-list"];
  }
  if (form.matches("[data-judges]")) {
    return [];
  }
  return form.matches("[data-tries]") ? ["try"] : null;
}

if (byId("sheet")) {
  document.addEventListener("input", (event) => {
    unsent = unsent || isEdit(event.target);
  });
  document.addEventListener("change", (event) => {
    if (isEdit(event.target)) {
      save();
    } else if (event.target.closest("[data-judges]")) {
      queue(event.target.form, null, []);
    }
  });
  document.addEventListener("submit", (event) => {
    const regions = regionsOf(event.target);
    const idle = event.submitter?.getAttribute("aria-disabled") === "true";
    if (regions || idle) {
      event.preventDefault();
    }
    if (regions && !idle) {
      queue(event.target, event.submitter, regions);
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsent) {
      event.preventDefault();
    }
  });
}

// A link into something that is folded away unfolds it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  let folded = byId(link?.hash.slice(1))?.closest("details");
  while (folded) {
    folded.open = true;
    folded = folded.parentElement.closest("details");
  }
});

// Point and evidence: hovering or focusing one lights the other.
let lit = null;
function light(target) {
  const element = target.closest?.("[data-lights]") || null;
  if (element === lit) {
    return;
  }
  lit = element;
  const numbers = element ? element.dataset.lights.split(" ") : [];
  for (const one of document.querySelectorAll("[data-lights]")) {
    one.classList.toggle("lit", one.dataset.lights.split(" ").some((number) => numbers.includes(number)));
  }
}
document.addEventListener("pointerover", (event) => light(event.target));
document.addEventListener("focusin", (event) => light(event.target));

// No second press while the first is at work.
for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button[type=submit]");
  const label = button.textContent;
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
    }
    button.setAttribute("aria-disabled", "true");
    button.textContent = form.dataset.busy;
  });
  window.addEventListener("pageshow", () => {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
  });
}
