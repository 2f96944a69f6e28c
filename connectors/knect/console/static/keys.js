// Keys for who looks at many: / searches, j and k move, Enter opens, r retries.
// Everything works without them; nothing is ever done by a key alone.
"use strict";

let at = -1;

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  at = Math.min(Math.max(at + step, 0), all.length - 1);
  all.forEach((row, number) => row.classList.toggle("here", number === at));
  const open = all[at].querySelector("[data-open]") || all[at];
  open.focus();
  all[at].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").select();
  } else if (event.key === "j") {
    move(1);
  } else if (event.key === "k") {
    move(-1);
  } else if (event.key === "r") {
    const within = rows()[at] || document;
    const retry = within.querySelector("[data-retry]") || document.querySelector("[data-retry]");
    if (retry) retry.click();
  }
});
