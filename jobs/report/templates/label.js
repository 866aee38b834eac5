"use strict";
const sheet = document.getElementById("sheet");
const labeller = document.getElementById("labeller");
const sets = [...sheet.querySelectorAll("fieldset[data-id]")];
const key = "mammoth-vl labels " + sheet.dataset.sheet;
const chosen = (set) => set.querySelector("input[type=radio]:checked");
const note = (set) => set.querySelector("input[type=text]");
function collect() {
  const labels = [];
  for (const set of sets) {
    const choice = chosen(set);
    if (choice) labels.push({ id: set.dataset.id, answer: choice.value, note: note(set).value });
  }
  return { format: sheet.dataset.format, sheet: sheet.dataset.sheet, labeller: labeller.value.trim(), labels };
}
function tell() {
  document.getElementById("progress").textContent = collect().labels.length + " of " + sets.length + " labelled";
}
function keep() {
  // A copy against an accidental reload; the saved file is what counts.
  try { localStorage.setItem(key, JSON.stringify(collect())); } catch { /* private windows refuse */ }
  tell();
}
function restore() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(key)); } catch { /* nothing kept */ }
  if (!kept || !Array.isArray(kept.labels)) return;
  labeller.value = String(kept.labeller || "");
  const byId = new Map(kept.labels.map((label) => [label.id, label]));
  for (const set of sets) {
    const label = byId.get(set.dataset.id);
    if (!label) continue;
    for (const input of set.querySelectorAll("input[type=radio]")) input.checked = input.value === label.answer;
    note(set).value = String(label.note || "");
  }
}
sheet.addEventListener("change", keep);
sheet.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!collect().labels.length) {
    document.getElementById("progress").textContent = "Nothing to save yet: choose good, bad or unsure for a pair first";
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(collect(), null, 1)], { type: "application/json" }));
  link.download = "labels-" + sheet.dataset.sheet + ".json";
  link.click();
  URL.revokeObjectURL(link.href);
});
restore();
tell();
