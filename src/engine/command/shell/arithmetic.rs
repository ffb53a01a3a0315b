//! Sums of a shell, `$((8 * N + 1))`: whole numbers, variables, `*`, `/`, `+`, `-`.

use super::Variables;

/// The value of a sum; `None` if it is more than that, or a variable is not known.
pub(super) fn evaluate(text: &str, variables: &Variables) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '$').collect();
    let mut sum = 0_i64;
    for (sign, term) in signed(&text, ['+', '-'], '+') {
        let mut product = 1_i64;
        for (operator, factor) in signed(term, ['*', '/'], '*') {
            let factor = factor.parse().ok().or_else(|| variables.get(factor)?.parse().ok())?;
            product =
                if operator == '*' { product.checked_mul(factor) } else { product.checked_div(factor) }?;
        }
        sum = if sign == '+' { sum.checked_add(product) } else { sum.checked_sub(product) }?;
    }
    Some(sum)
}

/// The parts of `text` between `operators`, each with the operator before it; the first has `first`.
fn signed(text: &str, operators: [char; 2], first: char) -> impl Iterator<Item = (char, &str)> {
    let parts = text.split(operators);
    let before = std::iter::once(first).chain(text.chars().filter(move |c| operators.contains(c)));
    before.zip(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_worked_out_where_all_is_known() {
        let variables = Variables::from([("N".to_owned(), "4".to_owned())]);
        let read =
            ["8 * N + 1", "$N/2-1", "N*M", "1/0", "", "(1+2)*3"].map(|text| evaluate(text, &variables));
        assert_eq!(read, [Some(33), Some(1), None, None, None, None]);
    }
}
