#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace divan {

/// What went wrong, in CouchDB's terms. `server/http/error_response.cpp` has the one table from
/// here to HTTP status and CouchDB's error name.
enum class Code : std::uint8_t {
    bad_request,
    query_parse_error,
    illegal_docid,
    illegal_database_name,
    invalid_url_encoding,
    doc_validation,
    invalid_design_doc,
    compilation_error,
    multipart_error,
    unauthorized,
    forbidden,
    not_found,
    method_not_allowed,
    not_acceptable,
    request_timeout,
    conflict,
    database_exists,
    missing_stub,
    precondition_failed,
    document_too_large,
    attachment_too_large,
    request_too_large,
    bad_content_type,
    bad_range,
    expectation_failed,
    too_many_requests,
    internal_error,
    not_implemented,
    maintenance,
    storage_full,
    storage_failed,
};

/// A refusal: its kind and the sentence the client reads. An empty `reason` means the table's.
/// `name` replaces the table's error name where CouchDB has a one-off one.
struct Error {
    Code code = Code::internal_error;
    std::string reason;
    std::string name;
    /// `reason` is a JSON text: functions of design documents may refuse with any value.
    bool reason_is_json = false;

    bool operator==(const Error&) const = default;
};

/// An `Error` on its way up. Thrown by `Result::value()`; dispatch turns it into a reply.
class Refused : public std::exception {
public:
    explicit Refused(Error error) : error_(std::move(error)) {}
    Refused(Code code, std::string reason) : error_{code, std::move(reason), {}} {}

    const Error& error() const noexcept { return error_; }
    const char* what() const noexcept override { return error_.reason.c_str(); }

private:
    Error error_;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
    throw Refused(error);
}

/// A value or the refusal to give one. `.value()` throws `Refused`.
template <class T>
using Result = boost::system::result<T, Error>;

[[noreturn]] void fail_check(const char* condition, const char* file, int line);

}  // namespace divan

/// Stops the process when `condition` is false: a bug of ours, on in release builds too.
#define DIVAN_CHECK(condition) \
    ((condition) ? void(0) : ::divan::fail_check(#condition, __FILE__, __LINE__))
