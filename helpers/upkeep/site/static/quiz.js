// Questions of the quiz without a kernel: a choice shows its explanation, and is remembered in this browser. See quiz_page.py.
document.addEventListener("DOMContentLoaded", () => {
  const questions = [...document.querySelectorAll("[data-question]")];
  if (!questions.length) return;
  const KEY = "finetune-course-quiz";
  const chosen = (() => {
    try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; }
  })();
  const right = {};

  const show = (question, letters, aloud) => {
    const id = question.dataset.question;
    const said = question.querySelector("[data-said]");
    const reply = question.dataset.right ? option(question, letters) : order(question, letters);
    if (aloud) said.textContent = reply;
    chosen[id] = letters;
    try { localStorage.setItem(KEY, JSON.stringify(chosen)); } catch { /* a browser that keeps nothing */ }
    for (const dot of document.querySelectorAll(`[data-dot="${id}"]`)) {
      dot.className = right[id] === undefined ? "" : right[id] ? "right" : "not-yet";
      const words = dot.querySelector("span");
      words.textContent = words.textContent.split(":")[0] + (dot.className && `: ${dot.className.replace("-", " ")}`);
    }
    const states = Object.values(right).filter((state) => state !== undefined);
    const words = `${states.length} of ${questions.length} answered, ${states.filter(Boolean).length} right`;
    for (const score of document.querySelectorAll("[data-score]")) score.textContent = words;
  };

  // A question with options: the explanation of the chosen one.
  const option = (question, letter) => {
    let reply = "";
    for (const why of question.querySelectorAll("[data-why]")) {
      const here = why.dataset.why === letter;
      why.hidden = !here;
      if (here) reply = why.lastElementChild.textContent;
      const row = why.parentElement.parentElement;
      row.dataset.quiet ??= row.style.borderColor;
      row.style.borderColor = here ? why.dataset.colour : row.dataset.quiet;
    }
    right[question.dataset.question] = letter ? letter === question.dataset.right : undefined;
    return reply;
  };

  // A question whose items are put in order: what each one needs has to stand before it.
  const order = (question, letters) => {
    const items = [...question.querySelectorAll("[data-do='add']")];
    const words = Object.fromEntries(items.map((item) => [item.dataset.value, item.lastElementChild.innerHTML]));
    for (const item of items) item.disabled = letters.includes(item.dataset.value);
    question.querySelector("[data-order]").innerHTML = [...letters].map((letter) => `<li>${words[letter]}</li>`).join("");
    question.querySelector("[data-do='again']").disabled = !letters;
    const reply = question.querySelector("[data-reply]");
    reply.replaceChildren();
    right[question.dataset.question] = undefined;
    if (letters.length < items.length) return "";
    const reasons = items.flatMap((item) => Object.entries(JSON.parse(item.dataset.needs))
      .filter(([needed]) => letters.indexOf(needed) > letters.indexOf(item.dataset.value))
      .map(([needed, why]) => `Not yet: ${item.dataset.value} stands before ${needed}. ${why}`));
    right[question.dataset.question] = !reasons.length;
    for (const reason of reasons.length ? reasons : [reply.dataset.right]) {
      const line = document.createElement("p");
      line.textContent = reason;
      reply.append(line);
    }
    return reply.textContent;
  };

  for (const question of questions) {
    const id = question.dataset.question;
    show(question, chosen[id] || "", false);
    if (question.dataset.right && chosen[id]) question.querySelector(`input[value="${chosen[id]}"]`).checked = true;
    question.addEventListener("change", (event) => show(question, event.target.value, true));
    question.addEventListener("click", (event) => {
      const item = event.target.closest("[data-do='add']");
      if (item) show(question, chosen[id] + item.dataset.value, true);
      if (event.target.closest("[data-do='again']")) show(question, "", true);
    });
  }
});
