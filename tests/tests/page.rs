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
    let sandbox = Sandbox::new();
    sandbox.run_all(&[]);
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

/// Enter takes the syllable over, as it does for whoever types Korean.
#[test]
fn enter_while_composing_asks_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run_all(&[]);
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
fn a_missing_token_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.run_all(&[]);
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
