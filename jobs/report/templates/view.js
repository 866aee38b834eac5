"use strict";
const form = document.getElementById("filters");
const cards = [...document.querySelectorAll("article.card")];
const selects = [...form.querySelectorAll("select")];
function apply() {
  let shown = 0;
  for (const card of cards) {
    card.hidden = selects.some((select) => select.value && card.getAttribute("data-" + select.name) !== select.value);
    shown += card.hidden ? 0 : 1;
  }
  document.getElementById("shown").textContent = shown + " of " + cards.length + " rows";
}
form.hidden = false;
form.addEventListener("change", apply);
form.addEventListener("submit", (event) => event.preventDefault());
apply();
