// Tells the offer's form when what it would send has changed, whoever changed it: the one who types,
// the calendar beside a date, or the link that adds or takes away a row.
"use strict";
(() => {
  const form = document.getElementById("offer_form");
  if (!form) return;
  const content = () => new URLSearchParams(new FormData(form)).toString();
  let seen = content();
  const look = () => {
    const now = content();
    if (now === seen) return;
    seen = now;
    form.dispatchEvent(new CustomEvent("offer:typed"));
  };
  for (const name of ["input", "change", "click", "focusin", "formset:removed"])
    document.addEventListener(name, () => setTimeout(look));
})();
