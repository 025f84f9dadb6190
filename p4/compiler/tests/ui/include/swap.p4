// Macros whose expansion has errors.
#define SWAP(a, b)      \
    action swap() {     \
        a = b;          \
    }
#define COUNT packets.count(1);
