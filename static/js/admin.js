// What staff's pages need beyond Django's own: names for those who cannot see, one answer for a double press.
"use strict";
(() => {
  const name = () => {
    for (const mark of document.querySelectorAll(".help-tooltip[aria-label]:not([role])"))
      mark.setAttribute("role", "img");
    for (const field of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
      const row = field.closest(".form-row");
      const label = row && row.querySelector("label");
      if (label) field.setAttribute("aria-label", label.textContent.trim().replace(/:$/, ""));
    }
  };
  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });
  name();

  // A double press does once what was asked for. What answers with a file leaves its page as it is:
  // it may be asked for again.
  const AGAIN = 3000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, AGAIN);
  });
})();
