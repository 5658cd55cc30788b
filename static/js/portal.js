// What the portal does beyond its links and forms. Everything works without this file.
"use strict";

(() => {
  const body = document.body;
  document.documentElement.classList.add("js");

  // How far each address of this page was scrolled when it was left.
  const places = new Map();

  // Links of a group that htmx follows: the one that was pressed is the current one.
  body.addEventListener("htmx:beforeRequest", (event) => {
    const link = event.detail.elt;
    const group = link.matches("a") && link.closest("[data-current-group]");
    if (!group || link.closest(".more")) return;
    for (const other of group.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
  });

  // On a phone the steps take the list's place: they begin at their top, and the list comes
  // back where it was left.
  body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "booking-steps" || !matchMedia("(width < 56rem)").matches) return;
    const steps = document.getElementById("booking-steps");
    scrollTo(0, steps.dataset.chosen ? 0 : places.get(location.href) || 0);
  });

  // After a swap, reading goes on at the first thing that is wrong, or at the new heading.
  body.addEventListener("htmx:afterSettle", (event) => {
    prepare();
    // A page that came back from the history has no target: it stays where it was.
    const target = event.detail.target;
    if (target) announce(target.id);
    if (target?.id === "more-cards") cards()[cardsBefore]?.focus({ preventScroll: true });
    if (!target || event.detail.elt.closest(".filters, .tabs, .more, #calendar-refresh, #party-now")) return;
    const region = document.getElementById(target.id) || target;
    const wrong = region.querySelector(".field-bad input, .field-bad textarea, [role=alert][tabindex]");
    const headings = region.querySelectorAll("[data-focus]");
    const next = wrong || headings[headings.length - 1] || (region.id === "booking-steps" && cardOf(left));
    if (next) {
      next.focus({ preventScroll: true });
      show(next, region, wrong);
    }
  });

  // A heading at the window's end would hide what it heads, and a field at its top its own label.
  function show(node, region, wrong) {
    const isCut = region.matches("#day-slots, #booking-panel") && region.getBoundingClientRect().bottom > innerHeight;
    const pane = matchMedia("(width >= 56rem)").matches && node.closest(".pane-steps");
    if (wrong?.matches("input, textarea")) node.scrollIntoView({ block: "center" });
    else if (!isCut) node.scrollIntoView({ block: "nearest" });
    // Beside the list only the pane moves.
    else if (pane) pane.scrollTop += node.getBoundingClientRect().top - pane.getBoundingClientRect().top - 16;
    else node.scrollIntoView({ block: "start" });
  }

  // What changed where the focus is not is said: a region that is replaced whole says nothing itself.
  const SAID = {
    "slot-calendar": "#month-title, #slot-calendar .legend",
    "voucher-list": "#voucher-list .tab[aria-current], #voucher-list p.empty",
  };

  function announce(region) {
    const words = [...document.querySelectorAll(SAID[region] || "#nothing")].map((node) => node.innerText.replace(/\s+/g, " "));
    if (words.length) document.getElementById("said").textContent = words.join(". ");
  }

  const cards = () => document.querySelectorAll("#voucher-list .card");
  let cardsBefore = 0;
  body.addEventListener("htmx:beforeSwap", () => {
    cardsBefore = cards().length;
  });

  // The address has changed without a new page: what else holds it follows.
  body.addEventListener("htmx:beforeHistoryUpdate", () => places.set(location.href, scrollY));
  body.addEventListener("htmx:pushedIntoHistory", () => {
    const next = document.querySelector(".languages [name=next]");
    if (next) next.value = location.pathname + location.search;
  });
  body.addEventListener("htmx:historyRestore", () => scrollTo(0, places.get(location.href) || 0));

  const cardOf = (voucher) =>
    [...document.querySelectorAll("#voucher-list .card")].find(
      (card) => new URL(card.href).searchParams.get("voucher") === voucher,
    );
  // The voucher that was chosen last: its card has the focus again when its calendar is left.
  let left = null;

  // The card of the voucher in the address stays marked when the list is fetched anew.
  function markCard() {
    const chosen = document.querySelector("#booking-steps[data-chosen]")?.dataset.chosen;
    const marked = document.querySelectorAll("#voucher-list .card[aria-current]");
    for (const card of marked) card.removeAttribute("aria-current");
    if (!chosen) return;
    left = chosen;
    cardOf(chosen)?.setAttribute("aria-current", "true");
  }

  // The month follows the ARIA grid pattern: one stop for Tab, arrows inside.
  const cells = () => [...document.querySelectorAll("#month-grid .cell")];
  const dayOf = (cell) => Number(cell.id.slice(-2));

  function rove() {
    const all = cells();
    if (!all.length) return;
    const stop =
      all.find((cell) => cell === document.activeElement) ||
      all.find((cell) => cell.hasAttribute("aria-current")) ||
      all.find((cell) => cell.matches("a")) ||
      all[0];
    for (const cell of all) cell.tabIndex = cell === stop ? 0 : -1;
  }

  function focusCell(cell) {
    if (!cell) return;
    for (const other of cells()) other.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
  }

  let wantedDay = null;

  function turnMonth(link, day) {
    if (!link?.href) return;
    wantedDay = day;
    link.click();
  }

  body.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.("#month-grid .cell");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = cells();
    const index = all.indexOf(cell);
    const row = [...cell.closest("tr").querySelectorAll(".cell")];
    const day = dayOf(cell);
    // Where one reads from right to left, the next day is on the left.
    const onward = document.dir === "rtl" ? -1 : 1;
    const moves = {
      ArrowLeft: () => focusCell(all[index - onward]),
      ArrowRight: () => focusCell(all[index + onward]),
      ArrowUp: () => focusCell(all[index - 7]),
      ArrowDown: () => focusCell(all[index + 7]),
      Home: () => focusCell(row[0]),
      End: () => focusCell(row[row.length - 1]),
      PageUp: () => turnMonth(document.getElementById("month-previous"), day),
      PageDown: () => turnMonth(document.getElementById("month-next"), day),
    };
    if (event.key === " " && cell.matches("a")) cell.click();
    else if (moves[event.key]) moves[event.key]();
    else return;
    event.preventDefault();
  });

  // The zone is named only where it differs from the reader's own.
  function hideOwnZone() {
    const lines = document.querySelectorAll("[data-zone]");
    // The first question about time zones is dear: it is not asked where nothing depends on it.
    if (!lines.length) return;
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const line of lines) line.hidden = line.dataset.zone === own;
    for (const place of document.querySelectorAll("[data-clock]")) if (place.dataset.clock !== own) fillOwnClock(place);
  }

  // A time of the hotel by the reader's clock, with its day where that is another.
  function fillOwnClock(place) {
    const { clock, from, to, words } = place.dataset;
    const [first, last] = [new Date(from), new Date(to)];
    const lang = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
    const hours = { hour: "2-digit", minute: "2-digit" };
    const day = { weekday: "short", day: "numeric", month: "short" };
    const told = (shape, timeZone) => new Intl.DateTimeFormat(lang, { ...shape, timeZone }).formatRange(first, last);
    if (told({ ...day, ...hours }, clock) === told({ ...day, ...hours })) return;
    const isSameDay = told(day, clock) === told(day);
    place.textContent = words.replace("{time}", told(isSameDay ? hours : { ...day, ...hours }));
    place.hidden = false;
  }

  // A place that is held while its form is typed is given back when the form is left.
  let held = "";
  let lapse = 0;

  function giveBack(slot) {
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    const wish = { csrfmiddlewaretoken: token || "", release: "quietly", slot };
    navigator.sendBeacon("/", new URLSearchParams(wish));
    if (slot === held) held = "";
  }
  // Another step was taken before the form of this place was there.
  body.addEventListener("portal:overtaken", (event) => giveBack(event.detail.slot));

  function noteHeld() {
    const now = document.querySelector("[data-held]")?.dataset.held || "";
    // Choosing another time has moved the hold already.
    if (held && !now) giveBack(held);
    held = now;
    clearTimeout(lapse);
    if (!now) return;
    const { dataset } = document.querySelector("[data-held]");
    dataset.ends ||= Date.now() + dataset.seconds * 1000;
    lapse = setTimeout(tellLapsed, dataset.ends - Date.now());
  }

  function tellLapsed() {
    const line = document.querySelector("[data-held]");
    if (!line || line.matches(".held-over")) return;
    line.textContent = document.getElementById("said").textContent = line.dataset.lapsed;
    line.classList.add("held-over");
  }

  addEventListener("pagehide", () => {
    if (held) giveBack(held);
  });

  // A page that comes back as it was left says of a hold that it still stands.
  addEventListener("pageshow", (event) => {
    if (event.persisted && document.querySelector("[data-held]")) location.reload();
  });

  // A slot is followed by htmx, but not into another tab or window.
  body.addEventListener(
    "click",
    (event) => {
      const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
      if (isElsewhere && event.target.closest("a[hx-post]")) event.stopPropagation();
    },
    true,
  );

  // Before it is painted, so that nothing moves.
  body.addEventListener("htmx:afterSwap", hideOwnZone);

  function prepare() {
    noteHeld();
    markCard();
    rove();
    hideOwnZone();
    if (wantedDay) {
      // The same day of the other month, or the nearest that it shows.
      const all = cells();
      focusCell(all.find((cell) => dayOf(cell) >= wantedDay) || all[all.length - 1]);
      wantedDay = null;
    }
  }

  // Free places are counted anew while somebody is looking, and when a time turns out to be gone.
  function countAnew() {
    const refresh = document.getElementById("calendar-refresh");
    if (!refresh || document.visibilityState !== "visible" || document.querySelector(".htmx-request")) return;
    // A filter may have taken the voucher out of the address, and its steps stand beside the list still.
    const chosen = document.querySelector("#booking-steps[data-chosen]")?.dataset.chosen;
    if (chosen && new URL(location.href).searchParams.get("voucher") !== chosen) return;
    htmx.ajax("GET", location.href, { source: refresh, target: "#month-grid" }).catch(() => {});
  }
  setInterval(countAnew, 30_000);
  // Clocks of a page stand still while its device sleeps.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    noteHeld();
    countAnew();
  });
  body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.xhr?.status === 409 && event.detail.target?.id === "booking-panel") setTimeout(countAnew, 100);
  });

  body.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-print], [data-copy]");
    if (!button) return;
    if (button.hasAttribute("data-print")) {
      window.print();
      return;
    }
    const text = button.parentElement.querySelector(".copy-text");
    text.select();
    await navigator.clipboard?.writeText(text.value);
    button.textContent = button.dataset.done;
  });

  // Bookings of this guest open without a connection: see worker.js.
  async function keepBookings() {
    const worker = await navigator.serviceWorker.ready;
    const shown = [...document.querySelectorAll("[data-keep]")].map((link) => new URL(link.href).pathname);
    // Whether the worker has seen the page itself come: one that was set up meanwhile looks after it too by now.
    const isSeen = performance.getEntriesByType("navigation")[0]?.workerStart > 0;
    const own = !isSeen && document.querySelector("[data-keep-this]") ? [location.pathname] : [];
    // The page for all others is kept in the language that was read last.
    const lang = document.documentElement.lang;
    const renew = localStorage.getItem("language") !== lang;
    localStorage.setItem("language", lang);
    if (own.length || shown.length || renew) worker.active.postMessage({ keep: [...own, ...shown], renew });
  }
  if ("serviceWorker" in navigator && body.dataset.worker && navigator.onLine) {
    // The page comes first.
    const register = () => navigator.serviceWorker.register(body.dataset.worker).then(keepBookings, () => {});
    addEventListener("load", () => setTimeout(register, 500));
  }

  prepare();
})();
