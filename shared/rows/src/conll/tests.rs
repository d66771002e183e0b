use shared::fault::kind_of;

use super::*;

fn read(unit: Unit, text: &str) -> Result<Vec<Sentence>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.conll");
    std::fs::write(&path, text).unwrap();
    sentences(Input::file(&path, "own.conll").unwrap(), unit)?.collect()
}

/// The line of a sentence's first token, its text and its entities.
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
fn blank_lines_separate_sentences_and_comments_precede_them() {
    let text = "# 파일\n\n## id-1\t<가:PS>\n가\tB-PS\n\n\n#\tO\n나\tO";
    check(Unit::Character, text, &[(4, "가", &[(0, 1, "PS")]), (7, "#나", &[])]);
    let comments: Vec<_> = read(Unit::Character, text).unwrap().into_iter().map(|s| s.comment).collect();
    assert_eq!(comments, [Some("id-1\t<가:PS>".to_owned()), None]);
    check(Unit::Word, "", &[]);
}

#[test]
fn adjacent_entities_stay_separate() {
    let tags = "1\tB-QT\n2\tB-QT\n3\tI-QT\n4\tI-DT\n \tO\n5\tI-DT\n";
    let entities = [(0, 1, "QT"), (1, 3, "QT"), (3, 4, "DT"), (5, 6, "DT")];
    check(Unit::Character, tags, &[(1, "1234 5", &entities)]);
}

#[test]
fn labels_may_hold_hyphens() {
    check(Unit::Word, "a\tB-ORG-X\nb\tI-ORG-X\n", &[(1, "a b", &[(0, 3, "ORG-X")])]);
}

#[test]
fn errors_name_line_and_cause() {
    check_refused(Unit::Word, "a\tO\nb\n", &["own.conll, line 2", "`b`", "tag"]);
    check_refused(Unit::Word, "a\tE-PS\n", &["line 1", "`E-PS`"]);
    check_refused(Unit::Word, "a\tO\n \tO\n", &["line 2", "character_conll"]);
    check_refused(Unit::Character, "a O\n", &["line 1", "`a O`"]);
}

#[test]
fn a_hash_is_a_token_where_spaces_separate_columns() {
    let text = "-DOCSTART- -X- -X- O\n\nC NN B-NP O\n# NN I-NP O\nBonn NNP B-NP B-LC\n";
    check(Unit::Word, text, &[(3, "C # Bonn", &[(4, 8, "LC")])]);
    check(Unit::Word, "# NN O\nBonn NNP B-LC\n", &[(1, "# Bonn", &[(2, 6, "LC")])]);
    check(Unit::Word, "# 1\nBonn NNP B-LC\n# a word O\nb NN O\n", &[(2, "Bonn # b", &[(0, 4, "LC")])]);
}

#[test]
fn a_comment_may_end_like_a_tag_where_tabs_separate_columns() {
    check(
        Unit::Word,
        "# begins with an O\nBonn\tB-LC\n# ends with O\nb\tO\n",
        &[(2, "Bonn b", &[(0, 4, "LC")])],
    );
}

#[test]
fn document_separators_are_no_examples() {
    let text = "-DOCSTART- O\na O\nb B-PS\n-DOCSTART- -X- O O\n\nc O\n";
    check(Unit::Word, text, &[(2, "a b", &[(2, 3, "PS")]), (6, "c", &[])]);
    check(Unit::Word, "-DOCSTART-\tO\n\na\tO\n", &[(3, "a", &[])]);
}

#[test]
fn tags_may_be_written_in_other_ways() {
    let entities: [(u32, u32, &str); 2] = [(0, 3, "PS"), (4, 5, "PS")];
    check(Unit::Word, "a\tPS-B\nb\tPS-I\nc\tPS-B\nd\tO\n", &[(1, "a b c d", &entities)]);
    check(Unit::Word, "a\tB_PS\nb\tI_PS\nc\tB_PS\nd\tO\n", &[(1, "a b c d", &entities)]);
    check_refused(Unit::Word, "a\tB-PS\nb\tPS-I\n", &["line 2", "`PS-I` is not written as `O`, `B-LABEL`"]);
    check_refused(Unit::Word, "a\tO\nb\tPS\n", &["line 2", "`PS`", "entity_recognition.scheme", "\"plain\""]);
}

/// A text, and the start, end and label of its entities.
type Tagged<'a> = (&'a str, &'a [(u32, u32, &'a str)]);

fn check_scheme(layout: Layout, scheme: TagScheme, text: &str, expected: &[Tagged<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.conll");
    std::fs::write(&path, text).unwrap();
    let input = Input::file(&path, "own.conll").unwrap();
    let sentences = read_layout(input, Unit::Word, layout, Some(scheme)).unwrap();
    let found: Vec<_> = sentences.map(Result::unwrap).map(|found| (found.text, found.entities)).collect();
    assert_eq!(found.len(), expected.len());
    for ((text, entities), (expected_text, expected)) in found.iter().zip(expected) {
        let entities: Vec<_> = entities.iter().map(|e| (e.start, e.end, e.label.as_str())).collect();
        assert_eq!((text.as_str(), entities.as_slice()), (*expected_text, *expected));
    }
}

#[test]
fn tags_without_b_and_i_follow_the_configured_scheme() {
    let text = "a\tPS\nb\tPS\nc\tO\n";
    check_scheme(Layout::FirstAndLast, TagScheme::Io, text, &[("a b c", &[(0, 3, "PS")])]);
    let plain = [(0, 1, "PS"), (2, 3, "PS"), (4, 5, "O")];
    check_scheme(Layout::FirstAndLast, TagScheme::Plain, text, &[("a b c", &plain)]);
}

#[test]
fn conllu_ranges_and_empty_nodes_are_skipped() {
    let text = "# sent_id = 1\n#text = im Haus\n1-2\tim\t_\t_\t_\t_\t_\t_\t_\t_\n1\tin\tin\tADP\tAPPR\t_\t3\tcase\t_\t_\n\
                2\tdem\tder\tDET\tART\t_\t3\tdet\t_\t_\n2.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n3\t#\t#\tSYM\tNN\t_\t0\troot\t_\t_\n\n";
    let universal = Layout::universal(None).unwrap();
    let upos = [(0, 2, "ADP"), (3, 6, "DET"), (7, 8, "SYM")];
    check_scheme(universal, TagScheme::Plain, text, &[("in dem #", &upos)]);
    let xpos = [(0, 2, "APPR"), (3, 6, "ART"), (7, 8, "NN")];
    check_scheme(Layout::universal(Some("5")).unwrap(), TagScheme::Plain, text, &[("in dem #", &xpos)]);
    for wrong in ["upos", "0"] {
        let error = Layout::universal(Some(wrong)).unwrap_err();
        assert_eq!(kind_of(&error).code(), 2);
    }
}
