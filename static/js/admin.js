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

  // A double press does once what was asked for, however long the answer takes: no server of ours works on
  // one for a minute. What may answer with a file leaves its page as it is, and may be asked for again.
  const AGAIN = 3_000;
  const LONGEST = 60_000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, form.elements.action ? AGAIN : LONGEST);
  });
  // A page that comes back as it was left may be sent again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
  });
})();
