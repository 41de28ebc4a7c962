#include "tests/support/parquet_meta.hpp"

#include <limits>
#include <utility>

namespace lakeferry::test::parquet_format {

std::string_view byte_cursor::take(std::uint64_t bytes)
{
    if (bytes > rest_.size()) throw unreadable("the bytes end too early");
    const auto out = rest_.substr(0, static_cast<std::size_t>(bytes));
    rest_.remove_prefix(out.size());
    return out;
}

std::uint8_t byte_cursor::byte() { return static_cast<std::uint8_t>(take(1).front()); }

std::uint32_t byte_cursor::le32()
{
    const auto bytes = take(4);
    std::uint32_t out = 0;
    for (std::size_t i = 4; i-- > 0;) out = (out << 8U) | static_cast<std::uint8_t>(bytes[i]);
    return out;
}

std::uint64_t byte_cursor::varint()
{
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const auto b = byte();
        if (shift == 63 && b > 1) break;
        out |= std::uint64_t{b & 0x7FU} << shift;
        if (b < 0x80) return out;
    }
    throw unreadable("a number has more than 64 bits");
}

namespace {

enum class wire : std::uint8_t {
    stop = 0, yes = 1, no = 2, i8 = 3, i16 = 4, i32 = 5, i64 = 6, double_ = 7, binary = 8, list = 9, set = 10, map = 11,
    structure = 12
};

struct field {
    std::int64_t id = 0;
    wire type = wire::stop;
};

class compact_reader {
public:
    explicit compact_reader(byte_cursor& at) : at_(at) {}

    // Every field of a structure; `each` reads the field and returns true, or leaves it alone and returns false.
    template <class F>
    void structure(F&& each)
    {
        if (++depth_ > depth_max) throw unreadable("the metadata is nested too deeply");
        std::int64_t last = 0;
        for (;;) {
            const auto head = at_.byte();
            field f{last + (head >> 4U), static_cast<wire>(head & 15U)};
            if (f.type == wire::stop) break;
            if (head >> 4U == 0) f.id = zigzag();
            last = f.id;
            if (!each(f)) skip(f.type);
        }
        --depth_;
    }

    template <class F>
    void list(field f, F&& each)
    {
        want(f, wire::list);
        const auto head = at_.byte();
        std::uint64_t count = head >> 4U;
        if (count == 15) count = at_.varint();
        if (count > at_.left()) throw unreadable("a list of the metadata is longer than the metadata");
        for (std::uint64_t i = 0; i < count; ++i) each(field{0, static_cast<wire>(head & 15U)});
    }

    template <class F>
    bool inside(field f, F&& each)
    {
        want(f, wire::structure);
        structure(std::forward<F>(each));
        return true;
    }

    std::int32_t i32(field f)
    {
        want(f, wire::i32);
        const auto v = zigzag();
        if (v < std::numeric_limits<std::int32_t>::min() || v > std::numeric_limits<std::int32_t>::max())
            throw unreadable("a number of the metadata does not fit its 32 bits");
        return static_cast<std::int32_t>(v);
    }

    std::int64_t i64(field f)
    {
        want(f, wire::i64);
        return zigzag();
    }

    std::string binary(field f)
    {
        want(f, wire::binary);
        return std::string(at_.take(at_.varint()));
    }

    static bool boolean(field f)
    {
        if (f.type != wire::yes && f.type != wire::no) throw unreadable("a field of the metadata has the wrong type");
        return f.type == wire::yes;
    }

    void skip(wire type)
    {
        switch (type) {
            case wire::yes:
            case wire::no: return;
            case wire::i8: at_.byte(); return;
            case wire::i16:
            case wire::i32:
            case wire::i64: at_.varint(); return;
            case wire::double_: at_.take(8); return;
            case wire::binary: at_.take(at_.varint()); return;
            case wire::set:
            case wire::list:
                list({0, wire::list}, [&](field one) {
                    if (one.type == wire::yes || one.type == wire::no) at_.byte();
                    else skip_nested(one.type);
                });
                return;
            case wire::structure: structure([](field) { return false; }); return;
            case wire::map: break;  // Parquet's metadata has none
            case wire::stop: break;
        }
        throw unreadable("a field of the metadata has a type that Parquet does not use");
    }

private:
    static constexpr unsigned depth_max = 16;

    static void want(field f, wire type)
    {
        if (f.type != type) throw unreadable("a field of the metadata has the wrong type");
    }

    void skip_nested(wire type)
    {
        if (++depth_ > depth_max) throw unreadable("the metadata is nested too deeply");
        skip(type);
        --depth_;
    }

    std::int64_t zigzag()
    {
        const auto v = at_.varint();
        return static_cast<std::int64_t>((v >> 1U) ^ (~(v & 1U) + 1U));
    }

    byte_cursor& at_;
    unsigned depth_ = 0;
};

std::string timestamp_type(compact_reader& in, field f, const char* name)
{
    std::optional<bool> utc;
    std::string unit;
    in.inside(f, [&](field g) {
        if (g.id == 1) return utc = compact_reader::boolean(g), true;
        if (g.id != 2) return false;
        return in.inside(g, [&](field u) {
            unit = u.id == 1 ? "MILLIS" : u.id == 2 ? "MICROS" : u.id == 3 ? "NANOS" : "";
            return false;
        });
    });
    if (!utc || unit.empty()) throw unreadable("a logical type lacks its unit or its isAdjustedToUTC");
    return std::string(name) + "(" + unit + (*utc ? ", UTC)" : ", local)");
}

std::string logical_type(compact_reader& in, field f)
{
    std::string out;
    in.inside(f, [&](field g) {
        if (!out.empty()) throw unreadable("a column has two logical types");
        switch (g.id) {
            case 1: out = "STRING"; return false;
            case 4: out = "ENUM"; return false;
            case 8: out = timestamp_type(in, g, "TIMESTAMP"); return true;
            case 12: out = "JSON"; return false;
            default: out = "type " + std::to_string(g.id); return false;
        }
    });
    if (out.empty()) throw unreadable("a logical type is empty");
    return out;
}

schema_element read_element(compact_reader& in, field f)
{
    schema_element out;
    in.inside(f, [&](field g) {
        switch (g.id) {
            case 1: out.type = in.i32(g); return true;
            case 3: out.repetition = in.i32(g); return true;
            case 4: out.name = in.binary(g); return true;
            case 5: out.children = in.i32(g); return true;
            case 6: out.converted = in.i32(g); return true;
            case 10: out.logical = logical_type(in, g); return true;
            default: return false;
        }
    });
    return out;
}

statistics read_statistics(compact_reader& in, field f)
{
    statistics out;
    in.inside(f, [&](field g) {
        switch (g.id) {
            case 3: out.null_count = in.i64(g); return true;
            case 5: out.max_value = in.binary(g); return true;
            case 6: out.min_value = in.binary(g); return true;
            case 7: out.max_is_exact = compact_reader::boolean(g); return true;
            case 8: out.min_is_exact = compact_reader::boolean(g); return true;
            default: return false;
        }
    });
    return out;
}

void read_column_metadata(compact_reader& in, field f, column_chunk& out)
{
    out.has_metadata = true;
    in.inside(f, [&](field g) {
        switch (g.id) {
            case 1: out.type = in.i32(g); return true;
            case 2: in.list(g, [&](field e) { out.encodings.push_back(in.i32(e)); }); return true;
            case 3: in.list(g, [&](field e) { out.path.push_back(in.binary(e)); }); return true;
            case 4: out.codec = in.i32(g); return true;
            case 5: out.values = in.i64(g); return true;
            case 6: out.uncompressed_size = in.i64(g); return true;
            case 7: out.compressed_size = in.i64(g); return true;
            case 9: out.data_page_offset = in.i64(g); return true;
            case 11: out.dictionary_page_offset = in.i64(g); return true;
            case 12: out.stats = read_statistics(in, g); return true;
            default: return false;
        }
    });
}

column_chunk read_chunk(compact_reader& in, field f)
{
    column_chunk out;
    bool offset = false;
    in.inside(f, [&](field g) {
        if (g.id == 2) return in.i64(g), offset = true;
        if (g.id == 3) return read_column_metadata(in, g, out), true;
        if (g.id == 1 || g.id == 8 || g.id == 9) out.elsewhere = true;
        return false;
    });
    if (!offset) throw unreadable("a column chunk lacks file_offset, which is required");
    return out;
}

row_group read_row_group(compact_reader& in, field f)
{
    row_group out;
    in.inside(f, [&](field g) {
        switch (g.id) {
            case 1: in.list(g, [&](field e) { out.columns.push_back(read_chunk(in, e)); }); return true;
            case 2: out.total_byte_size = in.i64(g); return true;
            case 3: out.rows = in.i64(g); return true;
            case 5: out.file_offset = in.i64(g); return true;
            case 6: out.compressed_size = in.i64(g); return true;
            default: return false;
        }
    });
    return out;
}

}  // namespace

file_metadata read_footer(std::string_view footer)
{
    file_metadata out;
    byte_cursor at(footer);
    compact_reader in(at);
    in.structure([&](field f) {
        switch (f.id) {
            case 1: out.version = in.i32(f); return true;
            case 2: in.list(f, [&](field e) { out.schema.push_back(read_element(in, e)); }); return true;
            case 3: out.rows = in.i64(f); return true;
            case 4:
                out.row_groups.emplace();
                in.list(f, [&](field e) { out.row_groups->push_back(read_row_group(in, e)); });
                return true;
            case 6: out.created_by = in.binary(f); return true;
            case 7:
                in.list(f, [&](field e) {
                    ++out.column_orders;
                    in.inside(e, [](field) { return false; });
                });
                return true;
            case 8: out.encrypted = true; return false;
            default: return false;
        }
    });
    if (at.left() != 0) throw unreadable("the footer is longer than its metadata");
    return out;
}

page_header read_page_header(byte_cursor& at)
{
    page_header out;
    compact_reader in(at);
    in.structure([&](field f) {
        switch (f.id) {
            case 1: out.type = in.i32(f); return true;
            case 2: out.uncompressed_size = in.i32(f); return true;
            case 3: out.compressed_size = in.i32(f); return true;
            case 4: out.crc = in.i32(f); return true;
            case 5:
                out.has_data = true;
                return in.inside(f, [&](field g) {
                    switch (g.id) {
                        case 1: out.values = in.i32(g); return true;
                        case 2: out.encoding = in.i32(g); return true;
                        case 3: out.definition_encoding = in.i32(g); return true;
                        case 4: out.repetition_encoding = in.i32(g); return true;
                        case 5: out.stats = read_statistics(in, g); return true;
                        default: return false;
                    }
                });
            case 7:
                out.has_dictionary = true;
                return in.inside(f, [&](field g) {
                    if (g.id == 1) return out.values = in.i32(g), true;
                    if (g.id == 2) return out.encoding = in.i32(g), true;
                    return false;
                });
            default: return false;
        }
    });
    return out;
}

}  // namespace lakeferry::test::parquet_format
