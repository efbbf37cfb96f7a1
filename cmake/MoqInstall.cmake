# `cmake --install`: programs, libraries (static and shared), their doors under include/moq/, and pkg-config files that work
# wherever the prefix is moved to. A program that uses them says `pkg-config --cflags --libs moq-native` and
# `#include "native/native.h"`.
#
# wolfSSL and ngtcp2 that were built here are installed too, in a folder of their own (lib/moq), so that nothing installed
# points into somebody's cache.

# ---- Headers -------------------------------------------------------------------------------------

set(MOQ_DOORS base/logging.h transfork/transfork.h quic/quic.h native/native.h karp/karp.h)

# Adds a header and whatever of ours it includes to MOQ_HEADERS.
set(MOQ_HEADERS "")
function(moq_header header)
    if(header IN_LIST MOQ_HEADERS OR NOT EXISTS ${CMAKE_SOURCE_DIR}/${header})
        return()
    endif()
    list(APPEND MOQ_HEADERS ${header})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${header} lines REGEX "^#include \"")
    foreach(line ${lines})
        string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included ${line})
        moq_header(${included})
    endforeach()
    set(MOQ_HEADERS ${MOQ_HEADERS} PARENT_SCOPE)
endfunction()
foreach(header ${MOQ_DOORS})
    moq_header(${header})
endforeach()
foreach(header ${MOQ_HEADERS})
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${CMAKE_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moq/${folder})
endforeach()

install(FILES ${CMAKE_SOURCE_DIR}/server/include/relay/module.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/relay)

# ---- Libraries -----------------------------------------------------------------------------------

# Every symbol that leaves a library has a prefix of ours. A shared library hides the others by itself. An archive cannot, so it
# holds one object, linked from those of its rooms, in which hidden symbols are local; code for link-time optimisation, which
# only the compiler that wrote it can read, is left out.
set(MOQ_LIB_DIR ${CMAKE_BINARY_DIR}/lib)
set(MOQ_PRODUCT "")

function(moq_archive name)
    set(objects "")
    foreach(room ${ARGN})
        list(APPEND objects $<TARGET_OBJECTS:moq_${room}>)
    endforeach()
    set(whole ${MOQ_LIB_DIR}/moq_${name}.o)
    set(archive ${MOQ_LIB_DIR}/libmoq_${name}.a)
    add_custom_command(OUTPUT ${archive}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${MOQ_LIB_DIR}
        COMMAND ${CMAKE_LINKER} -r -o ${whole} ${objects}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_* ${whole}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
        COMMAND ${CMAKE_AR} rcs ${archive} ${whole}
        DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM)
    add_custom_target(moq_${name}_archive DEPENDS ${archive})
    install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# The version of the binary interface: it may change with every minor version until there is a 1.0.
set(MOQ_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

function(moq_shared name needs)
    add_library(moq_${name}_shared SHARED)
    foreach(room ${ARGN})
        target_sources(moq_${name}_shared PRIVATE $<TARGET_OBJECTS:moq_${room}>)
    endforeach()
    foreach(need ${needs})
        if(TARGET moq_${need}_shared)
            set(need moq_${need}_shared)
        endif()
        target_link_libraries(moq_${name}_shared PRIVATE ${need})
    endforeach()
    # Of static libraries (wolfSSL, ngtcp2) nothing leaves it either: the program may have others of the same name.
    target_link_options(moq_${name}_shared PRIVATE -fno-lto -Wl,--exclude-libs,ALL -Wl,-z,defs)
    set_target_properties(moq_${name}_shared PROPERTIES OUTPUT_NAME moq_${name} LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${MOQ_SOVERSION}
        LIBRARY_OUTPUT_DIRECTORY ${MOQ_LIB_DIR} INSTALL_RPATH "$ORIGIN")
    install(TARGETS moq_${name}_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# moq_installed(NAME ROOMS ... NEEDS ...): libmoq_NAME of these rooms; what it needs are other installed libraries, or packages.
function(moq_installed name)
    cmake_parse_arguments(ARG "" "" "ROOMS;NEEDS" ${ARGN})
    moq_archive(${name} ${ARG_ROOMS})
    list(APPEND MOQ_PRODUCT moq_${name}_archive)
    if(MOQ_SHARED)
        moq_shared(${name} "${ARG_NEEDS}" ${ARG_ROOMS})
        list(APPEND MOQ_PRODUCT moq_${name}_shared)
    endif()
    set(MOQ_PRODUCT ${MOQ_PRODUCT} PARENT_SCOPE)
endfunction()

set(quic_needs ngtcp2_crypto_wolfssl ngtcp2 wolfssl nghttp3 uv)
if(MOQ_HAS_IPSEC_MB)
    list(APPEND quic_needs ${MOQ_IPSEC_MB_LIBRARY})
endif()
moq_installed(base ROOMS base NEEDS Threads::Threads)
moq_installed(transfork ROOMS transfork NEEDS base)
moq_installed(karp ROOMS karp NEEDS base jansson)
moq_installed(native ROOMS native quic NEEDS transfork base ${quic_needs} Threads::Threads)

# ---- Programs ------------------------------------------------------------------------------------

foreach(program moq-relay moq-clock moq-karp moq-bench moq-token moq-lua-test)
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    list(APPEND MOQ_PRODUCT ${program})
endforeach()

if(TARGET web)
    list(APPEND MOQ_PRODUCT web)
endif()

# Everything that is installed, and the examples: what dev/build makes of a release.
add_custom_target(product ALL DEPENDS ${MOQ_PRODUCT} example-publish example-subscribe)

# ---- pkg-config ----------------------------------------------------------------------------------

set(MOQ_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH MOQ_PC_PREFIX /${MOQ_PC_DIR} /)
string(REGEX REPLACE "/$" "" MOQ_PC_PREFIX ${MOQ_PC_PREFIX})

# `requires` is what its headers include or its users call; what only an archive needs (pkg-config --static) is private.
function(moq_pkgconfig name description requires requires_private libs_private)
    configure_file(${CMAKE_SOURCE_DIR}/cmake/moq.pc.in ${CMAKE_BINARY_DIR}/moq-${name}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/moq-${name}.pc DESTINATION ${MOQ_PC_DIR})
endfunction()

if(MOQ_SYSTEM_DEPS)
    set(quic_requires " libngtcp2_crypto_wolfssl libngtcp2 wolfssl")
else()
    set(quic_libs "-L\${libdir}/moq -lngtcp2_crypto_wolfssl -lngtcp2 -lwolfssl -lm ")
    foreach(library wolfssl ngtcp2 ngtcp2_crypto_wolfssl)
        install(FILES ${MOQ_DEPS_PREFIX}/lib/lib${library}.a DESTINATION ${CMAKE_INSTALL_LIBDIR}/moq)
    endforeach()
endif()
if(MOQ_HAS_IPSEC_MB)
    string(APPEND quic_libs "-lIPSec_MB ")
endif()

moq_pkgconfig(base "Media over QUIC: errors and log of the other libraries" "" "" "-pthread")
moq_pkgconfig(transfork "Media over QUIC: protocol and model, without sockets" "moq-base" "" "")
moq_pkgconfig(karp "Media over QUIC: catalog, frames, fMP4 import and export" "moq-base" "jansson" "")
moq_pkgconfig(native "Media over QUIC: from a URL to a connected session, on a libuv loop"
    "moq-transfork moq-base libuv" "libnghttp3${quic_requires}" "${quic_libs}-pthread")

# For modules of the relay, which are linked with nothing: they find its functions in the program that loads them.
configure_file(${CMAKE_SOURCE_DIR}/cmake/moq-relay-module.pc.in ${CMAKE_BINARY_DIR}/moq-relay-module.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/moq-relay-module.pc DESTINATION ${MOQ_PC_DIR})
