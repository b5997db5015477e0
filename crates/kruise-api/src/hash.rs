//! The hashes by which revisions, volume claim templates and containers are compared. All are FNV with 32
//! bits. They differ in the variant of FNV and in the text that is hashed.

const OFFSET_BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// FNV-1: multiply, then mix in the byte.
#[must_use]
pub fn fnv1_32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes.into_iter().fold(OFFSET_BASIS, |hash, byte| {
        hash.wrapping_mul(PRIME) ^ u32::from(byte)
    })
}

/// FNV-1a: mix in the byte, then multiply.
#[must_use]
pub fn fnv1a_32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes.into_iter().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(PRIME)
    })
}

/// How the kubelet hashes JSON (`DeepHashObject` of its bytes): FNV-1a of the bytes written as a Go
/// slice, `([]uint8)[123 34 ...]` (IP-127).
#[must_use]
pub fn go_bytes_hash(json: &str) -> u32 {
    let numbers: Vec<String> = json.bytes().map(|byte| byte.to_string()).collect();
    fnv1a_32(format!("([]uint8)[{}]", numbers.join(" ")).into_bytes())
}
