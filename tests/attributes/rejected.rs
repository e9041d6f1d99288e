//! What the attributes say to those who use them in a wrong way.

#[test]
fn mistakes_are_told_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/attributes/rejected/*.rs");
}
