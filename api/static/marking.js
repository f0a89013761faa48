// Everything here is a convenience: without it the pages work the same.
"use strict";

// Point and evidence: hovering or focusing one lights the other.
const linked = [...document.querySelectorAll("[data-points]")];
const pointsOf = (element) => (element ? element.dataset.points.split(" ") : []);
const active = { hovered: null, focused: null };

function light(way, element) {
  active[way] = element;
  const numbers = new Set([...pointsOf(active.hovered), ...pointsOf(active.focused)]);
  for (const one of linked) {
    one.classList.toggle("lit", pointsOf(one).some((number) => numbers.has(number)));
  }
}

for (const element of linked) {
  element.addEventListener("pointerenter", () => light("hovered", element));
  element.addEventListener("pointerleave", () => light("hovered", null));
  element.addEventListener("focusin", () => light("focused", element));
  element.addEventListener("focusout", () => light("focused", null));
}
light("focused", document.activeElement.closest("[data-points]")); // the reader may have been faster than the script

// The form: the question in full, a count of words, and no second press while the first is at work.
const question = document.getElementById("question");
if (question) {
  const full = document.getElementById("question-in-full");
  const show = () => {
    const option = question.selectedOptions[0];
    full.hidden = !question.value;
    full.textContent = question.value ? `${option.textContent} (${option.dataset.marks})` : "";
  };
  question.addEventListener("change", show);
  window.addEventListener("pageshow", show);

  const text = document.getElementById("text");
  const count = document.getElementById("count");
  const tally = () => {
    const words = (text.value.match(/\S+/g) || []).length;
    count.hidden = !words;
    count.textContent = words === 1 ? "1 word" : `${words} words`;
  };
  text.addEventListener("input", tally);
  window.addEventListener("pageshow", tally);

  const form = question.form;
  const button = form.querySelector("button");
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
