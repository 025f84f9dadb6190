#include "begin.p4"
extern void broadcast<T>(in T value);
bit<8> increment(in bit<8> x) { return x + 1; }
bit<8> forgetful(in bit<8> x) { if (x == 1) { return 2; } }
void useless() { return 1; }
control Sub(inout bit<8> x) { apply { x = 1; } }
control TheIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {
    counter(16, CounterType.packets) packets;
    register<bit<8>>(4) values;
    direct_counter(CounterType.colours) bad;
    counter(16) few;
    register(16) untyped;
    Sub() sub;
    action set(in bit<8> a, bit<8> data) { hdr.mpls[0].ttl = a; data = 1; }
    action wrong(bit<8> data, inout bit<8> a) { a = data; }
    bit<8> a;
    apply {
        a = increment();
        a = increment(1, 2);
        a = increment(y = 1);
        a = increment(x = 1, x = 2);
        increment(a);
        a = useless();
        packets.count();
        packets.count(a);
        packets.increment(1);
        values.read(a, 0);
        values.read(1, 0);
        values.write(0, _);
        sub.apply();
        sub.apply(a + 1);
        sub.apply(meta.hash);
        Sub.apply(a);
        set(1, 2);
        set(1);
        mark_to_drop(hdr);
        hash(a, HashAlgorithm.crc33, 8w0, { hdr.ethernet.dst }, 8w255);
        hash(a, std.parser_error, 8w0, { hdr.ethernet.dst }, 8w255);
        random(a, 0, 255);
        broadcast(1);
        hdr.ethernet.isValid(1);
        hdr.ethernet.valid();
        hdr.mpls.push_front(a);
        a.setValid();
        a(1);
        TheParser.apply(a);
        verify(true, error.NoError);
        static_assert(1 == 2, "one is not two");
        if (a) { }
        switch (a) { 1: { } 1: { } default: { } }
        exit;
        sub.run(a);
    }
}
#include "end.p4"
