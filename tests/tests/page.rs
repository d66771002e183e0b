//! The page of `serve` in a browser, as a person uses it.
#![allow(clippy::unwrap_used, reason = "only tests")]

use serde_json::{Value, json};
use tests::{Browser, Sandbox, Server};

const MARKUP: &str = "<img src=x onerror=\"document.title = 'broken'\"><b>좋다</b>";

const TOKEN_IS_SEEN: &str = "document.getElementById('token').checkVisibility()";

/// A browser at the page of a model, which has come to know the model.
fn open(server: &Server) -> Option<Browser> {
    let mut browser = Browser::find()?;
    browser.open(&format!("http://{}/", server.address));
    browser.wait_for("document.querySelector('textarea')?.checkVisibility()");
    assert_eq!(browser.value(TOKEN_IS_SEEN), false);
    Some(browser)
}

fn focus(browser: &mut Browser, field: &str) {
    browser.value(&format!("document.getElementById('{field}').focus()"));
}

/// Whatever was typed, no element has come of it, and the page has no complaint.
fn check_well(browser: &mut Browser) {
    assert_eq!(browser.value("document.title"), "bertline");
    assert_eq!(browser.value("document.querySelectorAll('main img, main b').length"), 0);
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
    assert_eq!(
        browser.value("document.documentElement.scrollWidth <= innerWidth"),
        true,
        "it is too wide for a phone"
    );
}

#[test]
fn a_composed_sentence_is_asked_about_and_answered() {
    let sandbox = Sandbox::trained();
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    focus(&mut browser, "text");
    browser.compose(&["ㅈ", "저", "정"]);
    browser.compose(&["ㅁ", "마", "말"]);
    browser.insert(" 좋다");
    assert_eq!(browser.value("document.getElementById('text').value"), "정말 좋다");
    browser.press_enter();
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    let rows = browser.value("[...document.querySelectorAll('.row')].map(row => row.innerText.split('\\n'))");
    let body = json!({ "text": "정말 좋다" }).to_string();
    let (_, expect) = server.ask("POST /predict", &[], &body);
    let expect: Value = serde_json::from_str(&expect).unwrap();
    for (row, label) in rows.as_array().unwrap().iter().zip(["negative", "positive"]) {
        let probability = expect["probabilities"][label].as_f64().unwrap();
        assert_eq!(*row, json!([label, format!("{probability:.3}")]));
    }
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    check_well(&mut browser);
}

/// Enter ends the composition of a syllable, as in a Korean input method.
#[test]
fn enter_while_composing_sends_no_request() {
    let sandbox = Sandbox::trained();
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    focus(&mut browser, "text");
    browser.insert("좋다");
    browser.value("addEventListener('submit', () => { window.submitted = true; }, true), 0");
    browser.value(
        "document.getElementById('text').dispatchEvent(new KeyboardEvent('keydown', \
         { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))",
    );
    assert_eq!(browser.value("window.submitted ?? false"), false);
    browser.press_enter();
    browser.wait_for("window.submitted");
}

#[test]
fn entities_are_marked_in_a_text_that_may_hold_markup() {
    let example = |number: usize| {
        let place = ["서울", "부산", "인천", "대전"][number % 4];
        let text = format!("나는 {place}에 갔다");
        json!({ "text": text, "entities": [{ "start": 3, "end": 5, "label": "LC" }] })
    };
    let sandbox = Sandbox::trained_for("entity_recognition", &(0..40).map(example).collect::<Vec<_>>());
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    let text = format!("나는 서울에 갔다 😀 {MARKUP}");
    focus(&mut browser, "text");
    browser.insert(&text);
    browser.press_enter();
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    let shown = "[...document.querySelectorAll('#answer small')].forEach(label => label.remove()), \
                 document.querySelector('#answer .text').textContent";
    let marked =
        browser.value("[...document.querySelectorAll('#answer mark')].map(mark => mark.firstChild.data)");
    assert_eq!(browser.value(shown), text.as_str());
    let (_, answer) = server.ask("POST /predict", &[], &json!({ "text": text }).to_string());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let entities = answer["entities"].as_array().unwrap().iter().map(|entity| entity["text"].clone());
    assert_eq!(marked, entities.collect::<Value>());
    check_well(&mut browser);
}

#[test]
fn a_question_has_its_answer_marked_in_the_context() {
    let example = |number: usize| {
        let place = ["서울", "부산", "인천", "대전"][number % 4];
        let answer = json!({ "text": place, "answer_start": 0 });
        json!({ "question": "어디인가?", "context": format!("{place} 옛날이야기"), "answers": [answer] })
    };
    let sandbox = Sandbox::trained_for("question_answering", &(0..40).map(example).collect::<Vec<_>>());
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    focus(&mut browser, "question");
    browser.insert("어디인가?");
    focus(&mut browser, "context");
    browser.insert("서울 옛날이야기");
    browser.value("document.querySelector('button').click()");
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    let best = browser.value("document.querySelector('#answer .row .name').innerText");
    assert_eq!(browser.value("document.querySelector('#answer mark').innerText"), best);
    assert!("서울 옛날이야기".contains(best.as_str().unwrap()), "{best}");
    check_well(&mut browser);
}

#[test]
fn two_texts_have_two_boxes() {
    let example = |number: usize| {
        let (second, label) = [("좋다", "같다"), ("나쁘다", "다르다")][number % 2];
        json!({ "text": "좋다", "text_pair": second, "label": label })
    };
    let sandbox = Sandbox::trained_for("pair_classification", &(0..40).map(example).collect::<Vec<_>>());
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    assert_eq!(browser.value("document.querySelectorAll('textarea').length"), 2);
    focus(&mut browser, "text");
    browser.insert("좋다");
    focus(&mut browser, "text_pair");
    browser.insert(MARKUP);
    browser.press_enter();
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    let body = json!({ "text": "좋다", "text_pair": MARKUP }).to_string();
    let (_, expect) = server.ask("POST /predict", &[], &body);
    let expect: Value = serde_json::from_str(&expect).unwrap();
    assert_eq!(browser.value("document.querySelector('.row.held .name').innerText"), expect["label"]);
    check_well(&mut browser);
}

#[test]
fn masks_are_filled_with_the_best_words() {
    let texts = ["서울에 갔다", "부산에 갔다", "정말 좋다", "정말 나쁘다"];
    let example = |number: usize| json!({ "text": texts[number % 4] });
    let sandbox = Sandbox::trained_for("masked_lm", &(0..40).map(example).collect::<Vec<_>>());
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    focus(&mut browser, "text");
    browser.insert(&format!("정말 [MASK] {MARKUP}"));
    browser.press_enter();
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    assert_eq!(browser.value("document.querySelector('#answer mark').firstChild.data"), "[MASK]");
    let best = browser.value("document.querySelector('#answer .row .name').innerText");
    assert_eq!(browser.value("document.querySelector('#answer mark small').innerText"), best);
    assert_eq!(browser.value("document.querySelectorAll('#answer .row').length"), 5);
    check_well(&mut browser);
}

#[test]
fn labels_that_are_numbers_keep_their_order() {
    let example = |number: usize| {
        // A script's objects have integers from 0 on first, whatever came before them.
        let (text, label) = [("나쁘다", "-1"), ("좋다", "1")][number % 2];
        json!({ "text": text, "label": label })
    };
    let sandbox = Sandbox::trained_for("classification", &(0..40).map(example).collect::<Vec<_>>());
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    focus(&mut browser, "text");
    browser.insert("좋다");
    browser.press_enter();
    browser.wait_for("document.getElementById('answer').checkVisibility()");
    let names = browser.value("[...document.querySelectorAll('.row .name')].map(name => name.innerText)");
    assert_eq!(names, json!(["-1", "1"]));
}

/// Answers a request with a probability that is its number, the first one only when it is told to.
const SLOW_ONCE: &str = "
    window.fetch = (path, { signal }) => {
        const number = window.asked = (window.asked ?? 0) + 1;
        const answer = { label: 'negative', probabilities: { negative: number, positive: 0 } };
        const response = new Response(JSON.stringify(answer));
        if (number > 1) return Promise.resolve(response);
        signal?.addEventListener('abort', () => { window.aborted = true; });
        return new Promise((found) => { window.release = () => found(response); });
    }, 0";

#[test]
fn an_older_answer_does_not_take_the_place_of_a_newer_one() {
    let sandbox = Sandbox::trained();
    let server = Server::start(&sandbox, &[]);
    let Some(mut browser) = open(&server) else { return };
    browser.value(SLOW_ONCE);
    focus(&mut browser, "text");
    browser.insert("좋다");
    browser.press_enter();
    browser.insert(" 나쁘다");
    browser.press_enter();
    let share = "document.querySelector('.row .share')?.innerText";
    assert_eq!(browser.wait_for(share), "2.000");
    assert_eq!(browser.value("window.aborted"), true);
    // Whatever comes of the first answer is done before a task that begins after it.
    browser.value("new Promise(done => { window.release(); setTimeout(done) })");
    assert_eq!(browser.value(share), "2.000");
    check_well(&mut browser);
}

#[test]
fn a_missing_token_is_asked_for() {
    let sandbox = Sandbox::trained();
    std::fs::write(sandbox.path("token"), "geheim").unwrap();
    let server = Server::start(&sandbox, &["--token-file", "token"]);
    let Some(mut browser) = Browser::find() else { return };
    browser.open(&format!("http://{}/", server.address));
    browser.wait_for(TOKEN_IS_SEEN);
    browser.wait_for("document.querySelector('button').checkVisibility()");
    focus(&mut browser, "token");
    browser.insert("geheim");
    browser.value("document.querySelector('button').click()");
    browser.wait_for("document.querySelector('textarea')?.checkVisibility()");
    assert_eq!(browser.value("document.getElementById('error').checkVisibility()"), false);
}
