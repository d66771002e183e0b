// User input and server responses are inserted as text nodes only, never as markup.

const NAMES = { text: "Text", text_pair: "Second text", question: "Question", context: "Context" };
const ABOUT = {
  classification: "One label for a text.",
  pair_classification: "One label for two texts.",
  regression: "A score for a text.",
  pair_regression: "A score for two texts.",
  multi_label: "Any number of labels for a text.",
  entity_recognition: "The named entities in a text.",
  question_answering: "The answer to a question, as a part of its context.",
};

const at = (id) => document.getElementById(id);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

async function call(path, options) {
  const token = at("token").value;
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(path, { ...options, headers });
  const body = await response.json().catch(() => ({ error: `the server responded with status ${response.status}` }));
  options.signal.throwIfAborted();
  if (response.status === 401) at("token-field").hidden = false;
  if (!response.ok) throw new Error(body.error);
  return body;
}

function say(error) {
  at("error").textContent = error ? error.message : "";
  at("error").hidden = !error;
}

// The server counts Unicode characters, JavaScript counts UTF-16 code units.
const characters = (text) => Array.from(text);

function bars(entries, held) {
  return entries.map(([name, probability]) => {
    const bar = element("div", "bar");
    bar.style.width = `${100 * probability}%`;
    const share = element("span", "share", probability.toFixed(3));
    const row = element("div", "row", element("span", "name", name), element("div", "track", bar), share);
    row.classList.toggle("held", held(name));
    return row;
  });
}

// The text with each found range marked and captioned.
function marked(text, found) {
  const all = characters(text);
  const part = (start, end) => all.slice(start, end).join("");
  const shown = element("p", "text");
  let done = 0;
  for (const { start, end, caption } of [...found].sort((a, b) => a.start - b.start)) {
    const mark = element("mark", "", part(start, end));
    if (caption) mark.append(element("small", "", caption));
    shown.append(part(done, start), mark);
    done = end;
  }
  shown.append(part(done));
  return shown;
}

function candidates(mask) {
  return bars(mask.candidates.map(({ token, probability }) => [token, probability]), () => false);
}

// In the order of the model's labels: a JavaScript object moves numeric keys to the front.
const byLabel = (probabilities) => model.labels.map((name) => [name, probabilities[name]]);

const SHOW = {
  classification: (answer) => bars(byLabel(answer.probabilities), (name) => name === answer.label),
  pair_classification: (answer) => SHOW.classification(answer),
  multi_label: (answer) => bars(byLabel(answer.probabilities), (name) => answer.labels.includes(name)),
  regression: (answer) => [element("p", "score", answer.score.toFixed(3))],
  pair_regression: (answer) => [element("p", "score", answer.score.toFixed(3))],
  entity_recognition: (answer, asked) => {
    const found = answer.entities.map((entity) => ({ ...entity, caption: entity.label }));
    return [marked(asked.text, found)];
  },
  question_answering: (answer, asked) => {
    const best = answer.answers.slice(0, 1).filter(({ start, end }) => start < end);
    const all = answer.answers.map(({ text, probability }) => [text || "(no answer)", probability]);
    return [marked(asked.context, best), ...bars(all, () => false)];
  },
  masked_lm: (answer, asked) => {
    const all = answer.masks.map((mask) => ({ ...mask, caption: mask.candidates[0]?.token }));
    const lists = answer.masks.flatMap((mask, index) => [element("h2", "", `Mask ${index + 1}`), ...candidates(mask)]);
    return [marked(asked.text, all), ...lists];
  },
};

function field(name) {
  const box = element("textarea");
  box.name = name;
  box.id = name;
  box.rows = name === "context" ? 8 : 2;
  box.required = true;
  box.addEventListener("keydown", (event) => {
    // While an input method composes a syllable, Enter ends the syllable and must not submit the form.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && name !== "context") {
      event.preventDefault();
      at("form").requestSubmit();
    }
  });
  return element("label", "", NAMES[name] ?? name, box);
}

let model;
let current = new AbortController();

async function begin(signal) {
  model = await call("model", { signal });
  const about = ABOUT[model.task] ?? `Write ${model.mask_token} in place of every word to predict.`;
  at("about").textContent = `${about} Its maximum length is ${model.max_seq_length} tokens.`;
  at("fields").replaceChildren(...model.texts.map(field));
}

async function ask(signal) {
  if (!model) return begin(signal);
  const asked = Object.fromEntries(model.texts.map((name) => [name, at(name).value]));
  const headers = { "Content-Type": "application/json" };
  const answer = await call("predict", { method: "POST", headers, body: JSON.stringify(asked), signal });
  at("answer").replaceChildren(...SHOW[model.task](answer, asked));
  at("answer").hidden = false;
}

// A new request cancels the one before, so an older answer is never shown beside a newer text.
async function doing(work) {
  current.abort();
  const { signal } = (current = new AbortController());
  document.body.ariaBusy = true;
  const error = await work(signal).then(() => null, (error) => error);
  if (signal.aborted) return;
  say(error);
  document.body.ariaBusy = false;
  at("form").hidden = false;
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(ask);
});
doing(begin);
