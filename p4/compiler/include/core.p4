// The core library of P4-16: what the language specification (version 1.2.5, appendix
// "P4 core library") requires every implementation to supply.

#ifndef _CORE_P4_
#define _CORE_P4_

/// The error codes that parser operations and `select` signal. A program adds its own with
/// further `error` declarations.
error {
    /// Parsing went well.
    NoError,
    /// The packet holds fewer bits than an `extract`, `lookahead` or `advance` asked for.
    PacketTooShort,
    /// No case of a `select` expression matched.
    NoMatch,
    /// An element of a header stack was asked for that is not there.
    StackOutOfBounds,
    /// More bits were to be extracted into a varbit field than it can hold.
    HeaderTooShort,
    /// The parser ran longer than the target allows.
    ParserTimeout,
    /// A parser operation was called with a value that the target does not support.
    ParserInvalidArgument
}

/// The packet as the parser sees it: bits and a cursor.
extern packet_in {
    /// Reads a header of fixed size at the cursor, makes it valid and moves the cursor on.
    /// Signals PacketTooShort or StackOutOfBounds.
    void extract<T>(out T hdr);
    /// Reads a header with exactly one varbit field, which takes
    /// `variableFieldSizeInBits` bits. Signals PacketTooShort, StackOutOfBounds or
    /// HeaderTooShort.
    void extract<T>(out T variableSizeHeader,
                    in bit<32> variableFieldSizeInBits);
    /// The bits at the cursor, which stays where it is. Signals PacketTooShort.
    T lookahead<T>();
    /// Moves the cursor on by that many bits. Signals PacketTooShort.
    void advance(in bit<32> sizeInBits);
    /// The packet's length in bytes, where the target knows it.
    bit<32> length();
}

/// The packet as the deparser writes it.
extern packet_out {
    /// Appends a header if it is valid, or each valid header of a stack, union or struct.
    void emit<T>(in T hdr);
}

/// In a parser: if `check` is false, records `toSignal` and goes to the state `reject`.
extern void verify(in bool check, in error toSignal);

/// The action that does nothing.
@noWarn("unused")
action NoAction() {}

/// The match kinds that every architecture has.
match_kind {
    /// All bits equal.
    exact,
    /// The bits of a mask equal; the entry with the best priority wins.
    ternary,
    /// The longest prefix wins.
    lpm
}

/// Stops the compilation with `message` unless `check`, a compile-time constant, is true.
extern bool static_assert(bool check, string message);
/// Stops the compilation unless `check`, a compile-time constant, is true.
extern bool static_assert(bool check);

#endif
