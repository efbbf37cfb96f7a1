# What a builder may choose: cmake -DNAME=VALUE, or the presets, which set these.

option(MOQ_SYSTEM_DEPS "take installed wolfSSL and ngtcp2 by pkg-config instead of building them" OFF)
option(MOQ_IPSEC_MB "encrypt by Intel's ipsec-mb where it is installed and the processor has VAES and AVX-512" ON)
option(MOQ_SHARED "build and install shared libraries beside the static ones" ON)
option(MOQ_STATIC_MODULES "link the modules that ship into moq-relay instead of installing them as shared objects" OFF)
option(MOQ_TESTS "build the tests" ON)
option(MOQ_FUZZ "build the libFuzzer targets (clang only)" OFF)
option(MOQ_WERROR "warnings are errors" OFF)
set(MOQ_SANITIZE "" CACHE STRING "sanitizers for everything of ours: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(MOQ_WERROR)
    add_compile_options(-Werror)
endif()
set(MOQ_TEST_TIMEOUT_S 300)
if(MOQ_SANITIZE)
    set(MOQ_TEST_TIMEOUT_S 900) # 200 viewers take some minutes where other programs run as well
    set(MOQ_SHARED OFF) # a sanitizer's run time comes with the program, so -z defs would not hold
    add_compile_options(-fsanitize=${MOQ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${MOQ_SANITIZE})
endif()
if(MOQ_FUZZ)
    set(MOQ_SHARED OFF)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "MOQ_FUZZ needs clang: use the preset fuzz, or apt-get install clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The programs of a release are compiled as a whole, ngtcp2 with them: much of a packet's way is small functions of other files.
# Objects hold ordinary code too, those of ngtcp2 as well, so that everything else links fast, by any compiler.
set(MOQ_LTO_COMPILE "")
set(MOQ_LTO_LINK -fno-lto)
if(CMAKE_C_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE STREQUAL Release AND NOT MOQ_SANITIZE)
    set(MOQ_LTO_COMPILE -flto=auto -ffat-lto-objects)
    set(MOQ_LTO_LINK -flto=auto)
endif()

# Where moq-relay looks for the modules of its installation: beside its own folder, in the build as after installing.
set(MOQ_MODULE_DIR ${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}/moq-relay)
file(RELATIVE_PATH MOQ_MODULES_FROM_PROGRAM /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR}/moq-relay)
