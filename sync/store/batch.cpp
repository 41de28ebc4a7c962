#include "sync/store/body.hpp"

#include "net/rt/check.hpp"

#include <rocksdb/comparator.h>
#include <rocksdb/db.h>

#include <array>

namespace lakeferry::store {

namespace {

// A WriteBatch wants a family's handle only to learn its number. Batches are made before (and without) a store, so
// this stands in for the handle; open() checks that the numbers agree with the database.
class family_number final : public rocksdb::ColumnFamilyHandle {
public:
    explicit family_number(unsigned id) : name_(family_name(static_cast<family>(id))), id_(id) {}

    const std::string& GetName() const override { return name_; }
    std::uint32_t GetID() const override { return id_; }
    rocksdb::Status GetDescriptor(rocksdb::ColumnFamilyDescriptor*) override
    {
        return rocksdb::Status::NotSupported("a number, not a family");
    }
    const rocksdb::Comparator* GetComparator() const override { return rocksdb::BytewiseComparator(); }

private:
    std::string name_;
    std::uint32_t id_;
};

rocksdb::ColumnFamilyHandle* number_of(family which)
{
    static std::array<family_number, family_count> all{
        family_number(0), family_number(1), family_number(2), family_number(3), family_number(4),
        family_number(5), family_number(6), family_number(7), family_number(8)};
    return &all.at(static_cast<unsigned>(which));
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

// Puts, removals and ranges into memory fail only on a key of more than 4 GiB.
void must(const rocksdb::Status& status) { rt::check(status.ok(), "a change fits into a batch"); }

}  // namespace

batch::batch() : body_(std::make_unique<body>()) {}
batch::~batch() = default;
batch::batch(batch&&) noexcept = default;
batch& batch::operator=(batch&&) noexcept = default;

void batch::put(family where, std::string_view key, std::string_view value)
{
    must(body_->changes.Put(number_of(where), slice(key), slice(value)));
}

void batch::remove(family where, std::string_view key)
{
    must(body_->changes.Delete(number_of(where), slice(key)));
}

void batch::remove_range(family where, std::string_view from, std::string_view to)
{
    if (from >= to) return;
    must(body_->changes.DeleteRange(number_of(where), slice(from), slice(to)));
}

std::size_t batch::bytes() const noexcept { return body_->changes.GetDataSize(); }
bool batch::empty() const noexcept { return body_->changes.Count() == 0; }
void batch::clear() { body_->changes.Clear(); }

}  // namespace lakeferry::store
