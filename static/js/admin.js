// Names what Django's own widgets leave without a name for those who cannot see them.
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
})();
