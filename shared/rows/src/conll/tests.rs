use shared::fault::kind_of;

use super::*;

fn read(unit: Unit, text: &str) -> Result<Vec<Sentence>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.conll");
    std::fs::write(&path, text).unwrap();
    sentences(Input::file(&path, "own.conll").unwrap(), unit)?.collect()
}

/// The line of its first token, its text and its entities.
type Expected<'a> = (u64, &'a str, &'a [(u32, u32, &'a str)]);

fn check(unit: Unit, text: &str, expected: &[Expected<'_>]) {
    let sentences = read(unit, text).unwrap();
    let places: Vec<(Place, &str)> = sentences.iter().map(|s| (s.place, s.text.as_str())).collect();
    let expected_places: Vec<(Place, &str)> =
        expected.iter().map(|(line, text, _)| (Place::Line(*line), *text)).collect();
    assert_eq!(places, expected_places);
    for (sentence, (_, _, entities)) in sentences.iter().zip(expected) {
        let found: Vec<(u32, u32, &str)> =
            sentence.entities.iter().map(|e| (e.start, e.end, e.label.as_str())).collect();
        assert_eq!(&found, entities, "{}", sentence.text);
    }
}

fn check_refused(unit: Unit, text: &str, parts: &[&str]) {
    let error = read(unit, text).unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn words_are_joined_by_spaces() {
    let tabs = "김구는\tNNP\tB-PS\n서울\tNNP\tB-LC\n시에\tNNG\tI-LC\n갔다\tVV\tO\n";
    let expected: [Expected<'_>; 1] = [(1, "김구는 서울 시에 갔다", &[(0, 3, "PS"), (4, 9, "LC")])];
    check(Unit::Word, tabs, &expected);
    check(Unit::Word, &tabs.replace('\t', " "), &expected);
    check(Unit::Word, &tabs.replace('\n', "\r\n"), &expected);
}

#[test]
fn sentences_are_parted_by_blank_lines_and_led_by_comments() {
    let text = "# 파일\n\n## id-1\t<가:PS>\n가\tB-PS\n\n\n#\tO\n나\tO";
    check(Unit::Character, text, &[(4, "가", &[(0, 1, "PS")]), (7, "#나", &[])]);
    let comments: Vec<_> = read(Unit::Character, text).unwrap().into_iter().map(|s| s.comment).collect();
    assert_eq!(comments, [Some("id-1\t<가:PS>".to_owned()), None]);
    check(Unit::Word, "", &[]);
}

#[test]
fn neighbouring_entities_are_two() {
    let tags = "1\tB-QT\n2\tB-QT\n3\tI-QT\n4\tI-DT\n \tO\n5\tI-DT\n";
    let entities = [(0, 1, "QT"), (1, 3, "QT"), (3, 4, "DT"), (5, 6, "DT")];
    check(Unit::Character, tags, &[(1, "1234 5", &entities)]);
}

#[test]
fn labels_may_hold_hyphens() {
    check(Unit::Word, "a\tB-ORG-X\nb\tI-ORG-X\n", &[(1, "a b", &[(0, 3, "ORG-X")])]);
}

#[test]
fn what_is_wrong_is_named() {
    check_refused(Unit::Word, "a\tO\nb\n", &["own.conll, line 2", "`b`", "tag"]);
    check_refused(Unit::Word, "a\tE-PS\n", &["line 1", "`E-PS`"]);
    check_refused(Unit::Word, "a\tO\n \tO\n", &["line 2", "character_conll"]);
    check_refused(Unit::Character, "a O\n", &["line 1", "`a O`"]);
}
