// The party's page asks who is here while somebody looks at it, and says when it is closed.
"use strict";

(() => {
  const EVERY_MS = 5_000;
  const SLOWEST_MS = 15_000;
  let tag = "";
  // How often in a row nothing was new: a page on which nothing happens asks less often.
  let quiet = 0;
  let timer = 0;

  const isPoll = (event) => event.detail.requestConfig?.headers["HX-Trigger"] === "party-now";

  function ask() {
    const now = document.getElementById("party-now");
    if (!now || document.visibilityState !== "visible") return;
    htmx.ajax("GET", now.dataset.poll, { source: now, target: "#party-now", swap: "outerHTML" });
  }

  function plan() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ask();
      plan();
    }, Math.min(EVERY_MS + quiet * 500, SLOWEST_MS));
  }

  function askNow() {
    quiet = 0;
    ask();
    plan();
  }

  // The server asks for the page anew: whoever loads it has not gone.
  let isReload = false;
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    isReload = event.detail.xhr.getResponseHeader("HX-Refresh") === "true";
  });

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (!isPoll(event)) return;
    const { xhr } = event.detail;
    const now = xhr.getResponseHeader("ETag");
    // An answer from the browser's cache is the one that is on the page; an outage is no news.
    if (xhr.status !== 200 || (now && now === tag)) {
      event.detail.shouldSwap = false;
      quiet += 1;
      return;
    }
    tag = now;
    quiet = 0;
  });

  // What others see of this page changes with the slot that it shows.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.closest?.("#slot-calendar")) {
      tag = "";
      askNow();
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") askNow();
    else clearTimeout(timer);
  });

  addEventListener("pagehide", () => {
    const party = document.getElementById("party");
    const token = party?.querySelector("[name=csrfmiddlewaretoken]");
    if (!token || isReload) return;
    const body = new URLSearchParams({ csrfmiddlewaretoken: token.value });
    navigator.sendBeacon(party.dataset.away, body);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) askNow();
  });

  plan();
})();
