//! Base64 as Go writes byte slices in JSON: standard alphabet, padded.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let sextet = (group >> (18 - 6 * position)) & 0x3f;
            let character = usize::try_from(sextet)
                .ok()
                .and_then(|index| ALPHABET.get(index));
            text.push(match character {
                Some(character) if position <= chunk.len() => char::from(*character),
                _ => '=',
            });
        }
    }
    text
}

/// None when the text is no padded base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let content = text.trim_end_matches('=');
    if text.len() - content.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(content.len() * 3 / 4);
    for chunk in content.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for byte in chunk {
            let sextet = ALPHABET.iter().position(|character| character == byte)?;
            group = group << 6 | u32::try_from(sextet).ok()?;
        }
        group <<= 6 * (4 - chunk.len());
        bytes.extend(group.to_be_bytes().iter().skip(1).take(chunk.len() - 1));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case("", "")]
    #[case("f", "Zg==")]
    #[case("fo", "Zm8=")]
    #[case("foo", "Zm9v")]
    #[case("{}", "e30=")]
    #[case("foobar", "Zm9vYmFy")]
    fn vectors_of_rfc_4648(#[case] plain: &str, #[case] encoded: &str) {
        assert_eq!(super::encode(plain.as_bytes()), encoded);
        assert_eq!(super::decode(encoded).as_deref(), Some(plain.as_bytes()));
    }

    #[rstest]
    #[case("Zg")]
    #[case("Z===")]
    #[case("Zm9v!===")]
    #[case("Zm=v")]
    fn what_is_no_base64_is_refused(#[case] text: &str) {
        assert_eq!(super::decode(text), None);
    }
}
