//! Numbers and nouns, as reports write them.

/// Writes a number of things: `1 run`, `2 runs`.
pub(super) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", grouped(number)),
    }
}

/// Writes a number with its digits in groups of three: `1,680`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_come_in_groups_of_three() {
        let numbers = [0, 12, 123, 1_234, 12_345, 1_234_567];
        let texts = numbers.map(super::grouped);
        assert_eq!(texts, ["0", "12", "123", "1,234", "12,345", "1,234,567"]);
        assert_eq!(super::count(1, "run"), "1 run");
    }
}
