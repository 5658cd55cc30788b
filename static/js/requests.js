// The order among a page's requests: what was wanted last is what it shows, in whatever order answers come.
"use strict";

(() => {
  const body = document.body;
  // What is on its way and would change what the page shows, and its address.
  const steps = new Set();
  let latest = null;
  let restoring = null;

  // Nobody has asked for these: they come before nothing that somebody did.
  const isBehind = ({ requestConfig }) => requestConfig.elt.matches("#calendar-refresh, #party-now, #desk-list");
  // A slot's link sends something: its place is held while the form is typed.
  const isHold = ({ requestConfig }) => requestConfig.elt.matches("a.slot") && requestConfig.verb === "post";
  // More cards only come to those that are there. What a form sends may be done: its answer is awaited.
  const isStep = (detail) =>
    (detail.requestConfig.verb === "get" && !detail.requestConfig.elt.closest(".more")) || isHold(detail);

  function overtake() {
    for (const { xhr, slot } of [...steps]) {
      if (!slot) xhr.abort();
      // The place may be held by now, for a form that nobody will see.
      else
        xhr.onload = () => {
          xhr.onabort();
          body.dispatchEvent(new CustomEvent("portal:overtaken", { detail: { slot } }));
        };
    }
  }

  function note(xhr, slot) {
    const step = { xhr, slot };
    steps.add(step);
    xhr.addEventListener("loadend", () => steps.delete(step));
  }

  body.addEventListener("htmx:beforeSend", ({ detail }) => {
    if (!isStep(detail)) return;
    const { elt, path } = detail.requestConfig;
    if (!isBehind(detail)) {
      latest = elt;
      overtake();
    }
    note(detail.xhr, isHold(detail) && new URL(path, location.href).searchParams.get("slot"));
  });

  // Going back and forward is done by htmx with requests of another kind.
  body.addEventListener("htmx:historyCacheMiss", ({ detail: { xhr } }) => {
    latest = null;
    overtake();
    note(xhr);
    restoring = xhr;
    xhr.addEventListener("loadend", () => {
      if (restoring === xhr) restoring = null;
    });
    // What cannot be had is asked for by the browser itself, which shows why.
    xhr.addEventListener("error", () => location.reload());
  });
  body.addEventListener("htmx:historyCacheMissLoadError", () => location.reload());

  // A step from a page that is just being replaced is taken by the browser: its place would be gone.
  body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (!restoring || !elt.href || requestConfig.verb !== "get") return;
    event.preventDefault();
    location.assign(elt.href);
  });

  // A filter that was given up for another step says what the list shows.
  body.addEventListener("htmx:sendAbort", ({ detail }) => {
    const { elt } = detail.requestConfig;
    if (elt.matches(".filters") && elt !== latest) elt.reset();
  });

  body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { elt, path, formData } = detail.requestConfig;
    if (elt.matches("#calendar-refresh")) {
      // Nobody has asked for it: what it cannot show is no news, and another place has another calendar.
      const isHere = new URL(path, location.href).href === location.href;
      if (detail.xhr.status !== 200 || !isHere) detail.shouldSwap = false;
    } else if (elt.matches(".filters") && elt.isConnected) {
      // What was typed meanwhile is not taken back: it is asked for next.
      const typed = [...new FormData(elt)];
      if (typed.some(([name, value]) => value !== (formData.get(name) ?? ""))) detail.shouldSwap = false;
    }
  });

  // What goes wrong on the way is said where it is seen, until something goes well again.
  function tell(words) {
    const line = document.createElement("p");
    line.className = "notice notice-bad";
    line.dataset.lost = "";
    line.textContent = words;
    document.getElementById("notice")?.replaceChildren(line);
  }

  function tellLost({ detail }) {
    if (isBehind(detail)) return;
    // Whether something arrived is not known when its answer was lost.
    const isSure = detail.requestConfig.verb === "get" || !navigator.onLine;
    tell(isSure ? body.dataset.offline : body.dataset.unsure);
  }
  body.addEventListener("htmx:sendError", tellLost);
  body.addEventListener("htmx:timeout", tellLost);

  // A proxy's own words for this are no page of ours, and would take the place of one.
  body.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr, requestConfig } = event.detail;
    const isProxys = [429, 502, 504].includes(xhr.status) && !xhr.getResponseHeader("HX-Retarget");
    if (!isProxys || elt.closest("#desk")) return;
    event.preventDefault();
    if (isBehind(event.detail)) return;
    tell(xhr.status === 429 || requestConfig.verb === "get" ? body.dataset.busy : body.dataset.unsure);
  });

  body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful && !isBehind(detail)) document.querySelector("#notice [data-lost]")?.remove();
  });
})();
