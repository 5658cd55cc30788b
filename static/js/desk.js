// The front desk: the list keeps itself fresh, a camera reads codes, and a lost connection loses nothing.
"use strict";

(() => {
  const EVERY_MS = 15_000;
  const QUEUE = "desk-queue";
  const CONFLICTS = "desk-conflicts";
  const desk = document.getElementById("desk");
  if (!desk) return;
  let tag = "";

  const read = (name) => JSON.parse(localStorage.getItem(name) || "[]");
  const write = (name, items) => localStorage.setItem(name, JSON.stringify(items));
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value || "";

  // What is on the page is asked for anew while somebody looks at it and presses nothing.
  function ask() {
    const list = document.querySelector("#desk-list[data-poll]");
    const isBusy = list?.contains(document.activeElement) || document.querySelector(".htmx-request");
    if (!list || isBusy || document.visibilityState !== "visible" || !navigator.onLine) return;
    htmx.ajax("GET", list.dataset.poll, { source: list, target: "#desk-list", swap: "outerHTML" });
  }

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig?.headers["HX-Trigger"] !== "desk-list") return;
    const { xhr } = event.detail;
    const now = xhr.getResponseHeader("ETag");
    if (xhr.status !== 200 || (now && now === tag)) event.detail.shouldSwap = false;
    else tag = now;
  });
  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);

  // Redemptions without a connection: kept on this device, sent later, and told when they fail.
  function show() {
    const kept = read(QUEUE);
    const said = document.getElementById("desk-said");
    const words = [];
    if (!navigator.onLine) words.push(desk.dataset.offline);
    if (kept.length) words.push(`${desk.dataset.kept} ${kept.map((item) => item.name).join(", ")}`);
    said.textContent = words.join(" ");
    const list = document.getElementById("desk-conflicts");
    list.replaceChildren();
    read(CONFLICTS).forEach((item, index) => {
      const line = document.createElement("li");
      line.className = "notice notice-bad";
      line.textContent = `${desk.dataset.conflict} ${item.name} – ${item.why} `;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-quiet";
      button.textContent = desk.dataset.understood;
      button.addEventListener("click", () => {
        write(CONFLICTS, read(CONFLICTS).filter((_other, place) => place !== index));
        show();
      });
      line.append(button);
      list.append(line);
    });
  }

  function keep(line) {
    const voucher = line.dataset.voucher;
    const name = line.querySelector(".desk-name").textContent;
    if (!read(QUEUE).some((item) => item.voucher === voucher)) write(QUEUE, [...read(QUEUE), { voucher, name }]);
    line.classList.add("desk-done");
    show();
  }

  let isSending = false;
  async function send() {
    if (isSending || !navigator.onLine) return;
    isSending = true;
    try {
      for (const item of read(QUEUE)) {
        const body = new URLSearchParams({ voucher: item.voucher, csrfmiddlewaretoken: token() });
        const headers = { "HX-Request": "true" };
        const answer = await fetch(desk.dataset.redeem, { method: "POST", body, headers, redirect: "manual" });
        // An outage, or a sign-in that has run out: it is sent again later.
        if (answer.status >= 500 || answer.status === 0 || answer.status === 403) break;
        write(QUEUE, read(QUEUE).filter((other) => other.voucher !== item.voucher));
        if (!answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const why = page.querySelector("[role=alert]")?.textContent.trim() || String(answer.status);
          write(CONFLICTS, [...read(CONFLICTS), { name: item.name, why }]);
        }
        tag = "";
      }
    } catch {
      // Still no connection.
    } finally {
      isSending = false;
      show();
    }
  }

  document.body.addEventListener("htmx:sendError", (event) => {
    const line = event.detail.elt.closest("[data-voucher]");
    if (line && event.detail.requestConfig.path === desk.dataset.redeem) keep(line);
  });
  addEventListener("online", async () => {
    await send();
    ask();
  });
  addEventListener("offline", show);
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
      line.querySelector("button, a")?.focus();
      return;
    }
    if (!navigator.onLine) {
      document.getElementById("desk-said").textContent = desk.dataset.unknown;
      return;
    }
    const field = document.getElementById("desk-q");
    field.value = code;
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
