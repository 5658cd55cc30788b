// The front desk: the list keeps itself fresh, a camera reads codes, and a lost connection loses nothing.
"use strict";

(() => {
  const EVERY_MS = 15_000;
  // By then the pressed line has been replaced.
  const AFTER_PRESS_MS = 100;
  const QUEUE = "desk-queue";
  const CONFLICTS = "desk-conflicts";
  const desk = document.getElementById("desk");
  if (!desk) return;
  let tag = "";
  // The list's request that is on its way.
  let asking = null;
  let quietUntil = 0;

  const read = (name) => JSON.parse(localStorage.getItem(name) || "[]");
  const write = (name, items) => localStorage.setItem(name, JSON.stringify(items));
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";

  // What is on the page is asked for anew while somebody looks at it and presses nothing.
  function ask() {
    const list = document.querySelector("#desk-list[data-poll]");
    const isBusy = list?.contains(document.activeElement) || document.querySelector(".htmx-request");
    if (!list || isBusy || document.visibilityState !== "visible" || !navigator.onLine) return;
    // Words on a line are to be read before the line is shown anew.
    if (Date.now() < quietUntil) return;
    const asked = htmx.ajax("GET", list.dataset.poll, { source: list, target: "#desk-list", swap: "outerHTML" });
    // Whatever broke off is asked again.
    asked?.catch(() => {});
  }

  // A press is about the lines as they were seen: what was asked before it would bring back how they were.
  const presses = new WeakSet();
  let wasAsking = false;
  document.body.addEventListener("htmx:beforeSend", ({ detail }) => {
    if (detail.elt.id === "desk-list") asking = detail.xhr;
    if (detail.requestConfig.verb !== "post" || !detail.elt.closest("#desk-list")) return;
    presses.add(detail.xhr);
    if (!asking) return;
    asking.abort();
    wasAsking = true;
  });

  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.xhr === asking) asking = null;
    if (!presses.has(detail.xhr)) return;
    // The page has changed since the list was asked for.
    tag = "";
    if ([409, 422].includes(detail.xhr.status)) quietUntil = Date.now() + EVERY_MS;
    if (wasAsking) setTimeout(ask, AFTER_PRESS_MS);
    wasAsking = false;
  });

  // Answers that are the pressed line, or words for the notice. Anything else would take the page's place.
  const isAnswer = (xhr) => [200, 409, 422].includes(xhr.status) || xhr.getResponseHeader("HX-Retarget") === "#notice";

  function sayOn(line, text) {
    const words = document.createElement("p");
    words.className = "notice notice-bad";
    words.setAttribute("role", "alert");
    words.textContent = text;
    line.querySelector("[role=alert]")?.remove();
    line.querySelector(".desk-who").append(words);
    quietUntil = Date.now() + EVERY_MS;
  }

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, elt, requestConfig } = event.detail;
    if (!presses.has(xhr) || isAnswer(xhr)) return;
    event.detail.shouldSwap = false;
    const line = elt.closest("[data-voucher]");
    if (!line) return;
    const isFault = xhr.status >= 500;
    if (isFault && requestConfig.path === desk.dataset.redeem) keep(line);
    else sayOn(line, isFault || xhr.status === 429 ? desk.dataset.failed : desk.dataset.refused);
  });

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig?.headers["HX-Trigger"] !== "desk-list") return;
    const { xhr } = event.detail;
    const now = xhr.getResponseHeader("ETag");
    if (xhr.status !== 200 || (now && now === tag)) event.detail.shouldSwap = false;
    else tag = now;
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    // Somebody else has signed in meanwhile: what is kept here is not theirs to send.
    const list = document.getElementById("desk-list");
    if (list && list.dataset.user !== desk.dataset.user) location.reload();
  });
  // What is kept is marked on lines that have come anew, too; until they settle they have the old ones' marks.
  document.body.addEventListener("htmx:afterSettle", () => show());
  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);

  // Not randomUUID, which a page without HTTPS has not.
  const newId = () => [...crypto.getRandomValues(new Uint32Array(2))].join("-");

  let isSignedOut = false;

  function signInLink() {
    const link = document.createElement("a");
    const here = new URLSearchParams({ next: location.pathname + location.search });
    link.href = `${desk.dataset.login}?${here}`;
    link.textContent = desk.dataset.signIn;
    return link;
  }

  // What one person keeps, no other sends or reads. Earlier versions of this page kept it for anybody.
  const { user } = desk.dataset;
  const isOwn = (item) => item.user === undefined || item.user === user;

  // Redemptions without a connection: kept on this device, sent later, and told when they fail.
  function show() {
    const kept = read(QUEUE).filter(isOwn);
    for (const line of document.querySelectorAll("#desk-list [data-voucher]")) {
      if (kept.some((item) => isSame(item, line.dataset))) line.classList.add("desk-done");
    }
    const others = [...read(QUEUE), ...read(CONFLICTS)].filter((item) => !isOwn(item));
    const said = document.getElementById("desk-said");
    const words = [];
    if (!navigator.onLine) words.push(desk.dataset.offline);
    if (kept.length) words.push(`${desk.dataset.kept} ${kept.map((item) => item.name).join(", ")}`);
    if (others.length) words.push(`${desk.dataset.others} ${others.length}`);
    said.textContent = words.join(" ");
    if (kept.length && isSignedOut) said.append(" ", signInLink());
    const list = document.getElementById("desk-conflicts");
    list.replaceChildren();
    for (const item of read(CONFLICTS).filter(isOwn)) {
      const line = document.createElement("li");
      line.className = "notice notice-bad";
      line.textContent = `${desk.dataset.conflict} ${item.name} – ${item.why} `;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-quiet";
      button.textContent = desk.dataset.understood;
      button.addEventListener("click", () => {
        // Another page may have taken others away: one is known by what it is, not by its place.
        const isRead = (other) => JSON.stringify(other) === JSON.stringify(item);
        write(CONFLICTS, read(CONFLICTS).filter((other) => !isRead(other)));
        show();
      });
      line.append(button);
      list.append(line);
    }
  }

  // A voucher may have gone to another guest meanwhile: only with its booking is it the same wish.
  const isSame = (one, other) => one.voucher === other.voucher && one.booking === other.booking;

  function keep(line) {
    const { voucher, booking } = line.dataset;
    const item = { voucher, booking, user, name: line.querySelector(".desk-name").textContent };
    if (!read(QUEUE).some((other) => isOwn(other) && isSame(other, item))) write(QUEUE, [...read(QUEUE), item]);
    // The notice of a lost connection says that nothing was kept.
    document.getElementById("notice")?.replaceChildren();
    show();
  }

  const GONE = new Set([502, 503, 504]);
  const LATER = new Set([408, 421, 425, 429]);

  async function handIn() {
    for (const item of read(QUEUE).filter(isOwn)) {
      const body = new URLSearchParams({ voucher: item.voucher, csrfmiddlewaretoken: token() });
      // What an earlier version of this page has kept names no booking.
      if (item.booking !== undefined) body.set("booking", item.booking);
      const headers = { "HX-Request": "true" };
      const answer = await fetch(desk.dataset.redeem, { method: "POST", body, headers, redirect: "manual" });
      // A sign-in that has run out, or was renewed on another page: it is sent after the next.
      isSignedOut = answer.status === 0 || answer.status === 403 || answer.headers.has("HX-Redirect");
      if (isSignedOut) break;
      // An outage that meets all of them, and an answer that says nothing of this one.
      if (GONE.has(answer.status)) break;
      if (answer.status >= 500 || LATER.has(answer.status)) continue;
      // Whatever breaks off before the refusal is stored leaves the wish where it is.
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const why = page.querySelector("[role=alert]")?.textContent.trim() || String(answer.status);
        write(CONFLICTS, [...read(CONFLICTS), { id: newId(), name: item.name, why, user }]);
      }
      // Once it is redeemed, nobody else need send it.
      const isDone = (other) => isSame(other, item) && (answer.ok || isOwn(other));
      write(QUEUE, read(QUEUE).filter((other) => !isDone(other)));
      tag = "";
      hasSent = true;
    }
  }

  let isSending = false;
  let hasSent = false;
  async function send() {
    if (isSending || !navigator.onLine) return;
    isSending = true;
    try {
      // Of two open pages one sends: the other's would be refused as used already.
      const { locks } = navigator;
      if (locks) await locks.request(QUEUE, { ifAvailable: true }, (lock) => lock && handIn());
      else await handIn();
    } catch {
      // Still no connection.
    } finally {
      isSending = false;
      show();
    }
    if (hasSent) ask();
    hasSent = false;
  }

  document.body.addEventListener("htmx:sendError", (event) => {
    const line = event.detail.elt.closest("[data-voucher]");
    if (line && event.detail.requestConfig.path === desk.dataset.redeem) keep(line);
  });
  addEventListener("online", async () => {
    await send();
    // Its words are to be read before the page goes to the sign-in.
    if (!isSignedOut) ask();
  });
  addEventListener("offline", show);
  // Another page of this device has kept, sent or read something.
  addEventListener("storage", ({ key }) => {
    if (key === null || key === QUEUE || key === CONFLICTS) show();
  });
  setInterval(send, EVERY_MS);

  // A code is known again by its digest, so that a page without a connection can tell what it is of.
  async function lineOf(code) {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
    const digest = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return document.querySelector(`[data-code="${digest}"]`);
  }

  async function found(code) {
    const line = await lineOf(code);
    if (line) {
      line.scrollIntoView({ block: "center" });
      // A scanner's Enter may redeem, and do nothing else: of a used code the next press would be to undo it.
      const press = line.dataset.can ? line.querySelector("button") : null;
      if (!press) line.tabIndex = -1;
      (press || line).focus();
      return;
    }
    if (!navigator.onLine) {
      document.getElementById("desk-said").textContent = desk.dataset.unknown;
      return;
    }
    const field = document.getElementById("desk-q");
    // No code of ours is longer; an address has its bounds.
    field.value = code.slice(0, field.maxLength + 1);
    field.form.requestSubmit();
  }

  document.querySelector(".desk-find").addEventListener("submit", (event) => {
    const text = document.getElementById("desk-q").value.trim();
    if (navigator.onLine || !text) return;
    event.preventDefault();
    found(text);
  });

  const scan = document.getElementById("desk-scan");
  const camera = document.getElementById("desk-camera");
  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    scan.hidden = false;
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    let stream = null;
    const stop = () => {
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      camera.hidden = true;
    };
    const look = async () => {
      if (!stream) return;
      const [code] = await detector.detect(camera).catch(() => []);
      if (code) {
        stop();
        found(code.rawValue);
      } else requestAnimationFrame(look);
    };
    scan.addEventListener("click", async () => {
      if (stream) {
        stop();
        return;
      }
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
      if (!stream) return;
      camera.srcObject = stream;
      camera.hidden = false;
      await camera.play();
      look();
    });
  }

  show();
  send();
})();
